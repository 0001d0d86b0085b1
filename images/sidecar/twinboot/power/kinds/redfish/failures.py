"""What sushy raises, as PowerFailed: one line for an operator."""

from __future__ import annotations

from collections.abc import Iterator

from ...logic.kind import PowerFailed, Reason
from ...logic.targets import Target
from . import PORT
from .certificate import fingerprint_in, fingerprint_of


def causes(exc: BaseException | None) -> Iterator[BaseException]:
    """An error, and those that led to it: sushy hands on the text of a cause, and not its type."""
    while exc is not None:
        yield exc
        exc = exc.__cause__ or exc.__context__


def failure(exc: Exception, target: Target) -> PowerFailed:
    """The failure that any exception of an action means: what a BMC answers may be anything."""
    import requests
    import sushy  # type: ignore[import-not-found]

    where = f"the BMC {target.address}"
    chain = list(causes(exc))

    def among(*kinds: type[BaseException]) -> bool:
        return any(isinstance(one, kinds) for one in chain)

    if isinstance(exc, PowerFailed):
        return exc
    if among(requests.exceptions.SSLError):
        return _certificate(exc, target, where)
    if among(requests.exceptions.ConnectTimeout):
        return PowerFailed(Reason.UNREACHABLE, f"{where} does not answer")
    if among(requests.exceptions.Timeout):
        return PowerFailed(Reason.SILENT, f"{where} takes a connection, and does not answer")
    if among(requests.exceptions.ConnectionError, sushy.exceptions.ConnectionError):
        return PowerFailed(Reason.UNREACHABLE, f"{where} does not answer: {chain[-1]}")
    if isinstance(exc, sushy.exceptions.AccessError):
        text = f"{where} refuses the user or the password: HTTP {exc.status_code}"
        return PowerFailed(Reason.PASSWORD, text)
    if isinstance(exc, OSError):  # the file that `verify` names
        return PowerFailed(Reason.CERTIFICATE, f"{target.verify} cannot be read: {exc}")
    return PowerFailed(Reason.REFUSED, f"{where} answers what is of no use: {type(exc).__name__}: {exc}")


def _certificate(exc: Exception, target: Target, where: str) -> PowerFailed:
    shown = fingerprint_of(*target.host_and_port(PORT))
    if not shown:
        return PowerFailed(Reason.CERTIFICATE, f"{where} does not talk TLS as it should: {exc}")
    if fingerprint_in(target.verify):
        text = f"{where} shows another certificate than the one of power.verify: its SHA-256 is {shown}"
    else:
        by = f"by none that {target.verify} holds" if target.verify else "by no known authority"
        text = f"the certificate of {where} is signed {by}, or is not for that name: power.verify may " \
            f"name a file of authorities, or its SHA-256, which is {shown}"
    return PowerFailed(Reason.CERTIFICATE, text)
