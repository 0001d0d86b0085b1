"""Webhooks: names that are there once, a secret or the word that there is none, profiles that there are."""

from __future__ import annotations

from collections.abc import Iterator

from ..faults import MISSING, Fault, did_you_mean
from ..loading.draft import Draft

MAX_WEBHOOKS = 16


def webhook_faults(draft: Draft) -> Iterator[Fault]:
    """Faults between the webhooks that are sound by themselves."""
    if len(draft.names["webhooks"]) > MAX_WEBHOOKS:
        yield Fault("webhooks", len(draft.names["webhooks"]), f"write at most {MAX_WEBHOOKS}")
    names: dict[str, int] = {}
    for at, one in draft.webhooks.items():
        path = f"webhooks[{at}]"
        if one.name in names:
            yield Fault(f"{path}.name", one.name, f"is webhooks[{names[one.name]}] already; write another")
        names.setdefault(one.name, at)
        if one.signed and one.secret is None:
            remedy = ("required: a file with a secret, such as secrets/NAME.webhook, so that the receiver "
                      "can tell who sends; or `signed: false`")  # fmt: skip
            yield Fault(f"{path}.secret", MISSING, remedy)
        if not one.signed and one.secret is not None:
            yield Fault(f"{path}.signed", False, "there is a secret, which signs; leave one of the two out")
        if one.ca is not None and not one.url.startswith("https:"):
            yield Fault(f"{path}.ca", one.ca, "plain http has no certificate; write https, or leave it out")
        for number, profile in enumerate(one.profiles):
            known = draft.names["profiles"]
            if "profiles" not in draft.unread and profile not in known:
                remedy = f"no such profile; {did_you_mean(profile, known)}"
                yield Fault(f"{path}.profiles[{number}]", profile, remedy)
