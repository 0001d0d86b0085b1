"""Languages and keyboards that YaST knows, and what it calls the keyboards.

YaST asks at the screen about a language that it does not know, and takes its default keyboard for a layout
that it does not know. It knows a layout by its own name in every service pack, by the console's name in the
later ones alone. Source: yast2-country (language_*.ycp, keyboards.rb) of SLE 15 GA to SP7.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...site.faults import Fault, did_you_mean

if TYPE_CHECKING:
    from ...site.model.site import Profile

_LANGUAGES = (
    "af_ZA", "ar_EG", "ast_ES", "bg_BG", "bn_BD", "bs_BA", "ca_ES", "cs_CZ", "cy_GB", "da_DK", "de_DE",
    "el_GR", "en_GB", "en_US", "es_ES", "et_EE", "fa_IR", "fi_FI", "fr_FR", "gl_ES", "gu_IN", "he_IL",
    "hi_IN", "hr_HR", "hu_HU", "id_ID", "it_IT", "ja_JP", "ka_GE", "km_KH", "ko_KR", "lt_LT", "mk_MK",
    "mr_IN", "nb_NO", "nl_NL", "nn_NO", "pa_IN", "pl_PL", "pt_BR", "pt_PT", "ro_RO", "ru_RU", "si_LK",
    "sk_SK", "sl_SI", "sr_RS", "sv_SE", "ta_IN", "tg_TJ", "th_TH", "tr_TR", "uk_UA", "vi_VN", "wa_BE",
    "xh_ZA", "zh_CN", "zh_TW", "zu_ZA",
)  # fmt: skip
_KEYBOARDS = {
    "arabic": "arabic", "belgian": "be be-latin1", "chinese": "cn", "croatian": "hr croat",
    "czech": "cz cz-us-qwertz", "czech-qwerty": "cz-qwerty cz-lat2-us", "danish": "dk dk-latin1",
    "dutch": "nl", "dvorak": "us-dvorak", "dvp": "us-dvp", "english-uk": "gb uk", "english-us": "us",
    "estonian": "ee et", "finnish": "fi fi-kotoistus", "french": "fr fr-latin1", "french-afnor": "fr-afnor",
    "french-ca": "ca cf", "french-ch": "ch-fr fr_CH-latin1", "german": "de-nodeadkeys de-latin1-nodeadkeys",
    "german-ch": "ch sg-latin1", "german-deadkey": "de de-latin1", "greek": "gr", "hungarian": "hu",
    "icelandic": "is is-latin1", "italian": "it", "japanese": "jp jp106", "khmer": "khmer",
    "korean": "kr", "lithuanian": "lt lt.baltic", "norwegian": "no no-latin1", "persian": "ir",
    "polish": "pl Pl02", "portugese": "pt pt-latin1", "portugese-br": "br br-abnt2",
    "portugese-br-usa": "br-nativo-us us-acentos", "romanian": "ro", "russian": "ru",
    "serbian": "rs-latin sr-cy", "slovak": "sk sk-qwertz", "slovak-qwerty": "sk-qwerty", "slovene": "si",
    "spanish": "es", "spanish-ast": "es-ast", "spanish-lat": "latam la-latin1", "swedish": "se sv-latin1",
    "taiwanese": "tw", "tajik": "tj_alt-UTF8", "turkish": "tr trq", "ukrainian": "ua-utf ua",
    "us-int": "us-intl",
}  # fmt: skip
"""The console's names of a layout (the X server's, then older ones), by YaST's own name of it."""
_BY_NAME = {name: own for own, others in _KEYBOARDS.items() for name in (own, *others.split())}


def language(profile: Profile) -> str:
    """As YaST calls it: without the encoding, which is always UTF-8."""
    return re.split("[.@]", profile.lang)[0]


def keymap(profile: Profile) -> str:
    """As YaST calls the keyboard; one that it does not know as it is written."""
    return _BY_NAME.get(profile.keyboard, profile.keyboard)


def language_faults(path: str, profile: Profile) -> Iterator[Fault]:
    """A language that YaST does not know. path: of the profile."""
    spoken = language(profile)
    if spoken not in _LANGUAGES:
        near = [one for one in _LANGUAGES if one.partition("_")[0] == spoken.partition("_")[0]]
        hint = f"write {near[0]}.UTF-8" if near else did_you_mean(spoken, _LANGUAGES)
        remedy = f"YaST knows no such language and would stop to say so; {hint}; `post` may set another one"
        yield Fault(f"{path}.lang", profile.lang, remedy)


def keyboard_faults(path: str, profile: Profile) -> Iterator[Fault]:
    """A keyboard that YaST does not know. path: of the profile."""
    if profile.keyboard not in _BY_NAME:
        remedy = "YaST knows no such keyboard and would take its default; "
        yield Fault(f"{path}.keyboard", profile.keyboard, remedy + did_you_mean(profile.keyboard, _BY_NAME))
