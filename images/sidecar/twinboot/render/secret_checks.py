"""The files of passwords that profiles name: one line each, with a hash that an installer takes.

Owns what such a file may hold (crypt(5)). `check` finds with it what `render` would refuse, and hashes that
were cut short: those `render` takes, for the machines are installed all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ..site.faults import Fault
from ..site.model.site import Profile, Site

_CHAR = r"[./A-Za-z0-9]"
_SALT = r"[!#-9;-~]"  # printable, without $ and :
_FORMS = {
    "1": rf"{_SALT}{{0,8}}\${_CHAR}{{22}}",
    "5": rf"(rounds=\d+\$)?{_SALT}{{0,16}}\${_CHAR}{{43}}",
    "6": rf"(rounds=\d+\$)?{_SALT}{{0,16}}\${_CHAR}{{86}}",
    **dict.fromkeys(("2a", "2b", "2x", "2y"), rf"\d\d\${_CHAR}{{53}}"),
    **dict.fromkeys(("y", "gy"), rf"{_CHAR}+\${_CHAR}*\${_CHAR}{{43}}"),
}
"""What follows `$NAME$` of MD5, SHA-256, SHA-512, bcrypt and yescrypt (crypt(5)). Others are not judged."""
_ANY = re.compile(r"\$([a-z0-9-]+)\$([!-~]+)")
_DES = re.compile(rf"{_CHAR}{{13}}|_{_CHAR}{{19}}")
_MAKE = "openssl passwd -6 >config/{}"


def secret_faults(site: Site, secrets: Mapping[str, str], *, whole: bool = False) -> list[Fault]:
    """Every fault of the files that profiles name. secrets: their contents; those not there are left out.

    whole: a hash that lacks a part is a fault, too.
    """
    found = []
    for name, profile in site.profiles.items():
        for setting, file in password_files(profile):
            if remedy := _remedy(file, secrets.get(file), whole=whole):
                found.append(Fault(f"profiles.{name}.{setting}", file, remedy))
    return found


def password_files(profile: Profile) -> Iterator[tuple[str, str]]:
    """The setting of a profile that names one, and the file."""
    if profile.rootpw_file is not None:
        yield "rootpw_file", profile.rootpw_file
    for at, user in enumerate(profile.users):
        if user.password_file is not None:
            yield f"users[{at}].password_file", user.password_file


def password_hash(text: str) -> str:
    """The hash in a file without a fault."""
    return text.strip()


def _remedy(file: str, text: str | None, *, whole: bool) -> str:
    """What is wrong with the file, and the command that mends it; empty when nothing is."""
    make = _MAKE.format(file)
    if text is None:
        return f"no such file beside the site file: {make}"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return f"is empty: {make}"
    if len(lines) > 1:
        return f"has {len(lines)} lines, and may have one alone, the hash: {make}"
    (line,) = lines
    if _DES.fullmatch(line):
        return f"holds what looks like a DES hash, of which eight characters count: {make}"
    form = _ANY.fullmatch(line)
    if form is None:
        return f"holds no password hash: {make}"
    if whole and form[1] in _FORMS and not re.fullmatch(_FORMS[form[1]], form[2]):
        return f"holds a password hash that is not whole: {make}"
    return ""
