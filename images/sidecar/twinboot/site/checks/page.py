"""Ports that are a site's own choice, and the tokens of its page and API: each its own."""

from __future__ import annotations

from collections.abc import Iterator

from twinboot.daemons import DAEMONS

from ..faults import Fault
from ..loading.draft import Draft

MAX_TOKENS = 100
PORTS_TAKEN = {port.number: one.serves for one in DAEMONS for port in one.ports} | {
    number: f"passive {one.serves}" for one in DAEMONS for number in one.data_ports
}


def port_faults(draft: Draft) -> Iterator[Fault]:
    """Faults of the ports of metrics and of HTTPS."""
    metrics, api = draft.metrics, draft.api
    if metrics is not None and metrics.port:
        if str(metrics.address) not in ("127.0.0.1", "0.0.0.0"):
            remedy = "the site file is the same on every server; write 127.0.0.1 or 0.0.0.0"
            yield Fault("metrics.address", str(metrics.address), remedy)
        if use := PORTS_TAKEN.get(metrics.port):
            remedy = f"the port of {use}; write another one such as 9694"
            yield Fault("metrics.port", metrics.port, remedy)
    if api is None or not api.https.port:
        return
    port = api.https.port
    use = PORTS_TAKEN.get(port) or ("metrics" if metrics is not None and metrics.port == port else None)
    if use:
        yield Fault("api.https.port", port, f"the port of {use}; write another one such as 443 or 8443")


def token_faults(draft: Draft) -> Iterator[Fault]:
    """Names and digests are there once; where reading takes a token there is one, and HTTPS to send it by."""
    if draft.api is None:
        return
    tokens, names, digests = draft.api.tokens, set(), dict[str, str]()
    if len(tokens) > MAX_TOKENS:
        yield Fault("api.tokens", len(tokens), f"write at most {MAX_TOKENS}")
    for at, one in enumerate(tokens):
        if one.name in names:
            yield Fault(f"api.tokens[{at}].name", one.name, "is there already; the audit log goes by it")
        if other := digests.get(one.sha256):
            yield Fault(f"api.tokens[{at}].sha256", one.sha256, f"is the token of {other}: make one for each")
        names.add(one.name)
        digests[one.sha256] = one.name
    closed = draft.api.read == "token"
    if closed and not tokens:
        yield Fault("api.read", "token", "nobody has one: `twinboot token NAME --role read` makes one")
    if closed and not draft.api.https.port:
        yield Fault("api.https", "off", "tokens are not taken over plain HTTP: write a port, or `read: open`")
