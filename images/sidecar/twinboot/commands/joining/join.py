"""`twinboot join`: what an inviting server gives, fetched over TLS and put in place."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import socket
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from twinboot import paths
from twinboot.bundle.certificate import client_context, fingerprint
from twinboot.bundle.invitation import Invitation, TokenError, read_token
from twinboot.bundle.parts import MAX_BYTES, Bundle, BundleError, unpack

from ..backup import collecting, placing, settings
from ..backup.collecting import BackupPaths
from ..backup.restoring import write_config
from ..changing import in_use
from ..options import fail, option

_CONNECT_S = 4.0
_TALK_S = 60.0
_LINE_BYTES = 8192
_NAME = re.compile(r"[A-Za-z0-9-]{1,63}")


class JoinError(Exception):
    """Nothing was changed here; the text says why."""


def join(
    replace: Annotated[
        bool, option("--replace", help="Also where there is a site file, or secrets: they are kept beside.")
    ] = False,
) -> None:
    """Fetch site, keys and secrets from the server that invites this one.

    The invitation comes by standard input: make join TOKEN=... calls this, and then make up.
    """
    place = BackupPaths()
    try:
        invitation = read_token(sys.stdin.readline())
        with connected(invitation) as (tls, whom):
            bundle, kept = fetched(tls, invitation)
            name = accept(bundle, place, replace=replace)
            tls.sendall(b"kept\n")
            with contextlib.suppress(OSError):
                kept(16)
    except (JoinError, TokenError, BundleError) as exc:
        fail(f"join: {exc}; nothing was changed", 2)
    except OSError as exc:
        fail(f"join: {exc}; type the same again when that is mended")
    secrets = sum(part.startswith(f"{collecting.CONFIG}{collecting.SECRETS}/") for part in bundle.parts)
    print(f"{name}: has site {bundle.metadata.get('site')} and {secrets} files of secrets from "
          f"{bundle.metadata.get('server')} ({whom})", file=sys.stderr)
    print(name)


@contextlib.contextmanager
def connected(invitation: Invitation):  # type: ignore[no-untyped-def]
    """A connection to the server that has made the invitation, and its address. JoinError."""
    faults = []
    for address in invitation.addresses:
        where = f"{address}:{invitation.port}"
        try:
            plain = socket.create_connection((str(address), invitation.port), timeout=_CONNECT_S)
        except ConnectionRefusedError:
            faults.append((where, "refused"))
            continue
        except OSError as exc:
            faults.append((where, "silent" if isinstance(exc, TimeoutError) else str(exc.strerror or exc)))
            continue
        with plain:
            plain.settimeout(_TALK_S)
            try:
                tls = client_context().wrap_socket(plain)
            except (ssl.SSLError, OSError) as exc:
                raise JoinError(f"{where} answers, but not as a server that invites: {exc}") from exc
            with tls:
                if fingerprint(tls.getpeercert(binary_form=True) or b"") != invitation.fingerprint:
                    raise JoinError(f"{where} is not the server that made this invitation: its certificate "
                                    "is another one. Nothing was told to it; invite again, and look who "
                                    "answers there")
                yield tls, str(address)
                return
    raise JoinError(why_nobody_answers(invitation, faults, time.time()))


def why_nobody_answers(invitation: Invitation, faults: list[tuple[str, str]], now: float) -> str:
    """faults: where, and what came of it."""
    ended = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(invitation.ends))
    refused = [where for where, what in faults if what == "refused"]
    if refused:
        if now > invitation.ends:
            why = f"the invitation ended at {ended}" + (
                "; by this server's clock that is over: if it is wrong, set it"
                if now > invitation.ends + 86_400 else "")
        else:
            why = "the invitation was used or withdrawn"
        return f"nobody invites at {' or '.join(refused)}: {why}. On a running server: " \
            "scripts/twinboot invite"
    told = ", ".join(f"{where} ({'no answer' if what == 'silent' else what})" for where, what in faults)
    port = invitation.port
    return f"the inviting server is not reached: {told}. Cables, addresses, and a firewall there: it must " \
        f"let TCP port {port} pass from this server (UDP port {port}, too, for the heartbeats)"


def fetched(tls: ssl.SSLSocket, invitation: Invitation) -> tuple[Bundle, Callable[[int], bytes]]:
    """What is given, and a way to read what is said afterwards. JoinError, BundleError."""
    request = {"secret": invitation.secret.hex(), "time": time.time(),
               "release": os.environ.get("TWINBOOT_VERSION", "unknown")}
    tls.sendall(json.dumps(request).encode() + b"\n")
    said = tls.makefile("rb")
    try:
        head = json.loads(said.readline(_LINE_BYTES))
        if not head.get("ok"):
            raise JoinError(f"the inviting server refuses: {_plain(head.get('error'))}")
        size = int(head["bytes"])
        if not 0 < size <= MAX_BYTES:
            raise JoinError("the inviting server sends more than a site can be")
        data = said.read(size)
        if len(data) != size or hashlib.sha256(data).hexdigest() != head["sha256"]:
            raise JoinError("what the inviting server sent came damaged, or not to its end: join again")
    except (ValueError, KeyError, AttributeError, TypeError) as exc:
        raise JoinError(f"the inviting server says what this release does not understand ({exc})") from exc
    except TimeoutError as exc:
        raise JoinError("the inviting server has stopped answering: join again") from exc
    return unpack(data), said.readline


def accept(bundle: Bundle, place: BackupPaths, *, replace: bool) -> str:
    """Put in place what was given; this server's name. JoinError: nothing was changed."""
    name, theirs = str(bundle.metadata.get("name")), str(bundle.metadata.get("release"))
    if not _NAME.fullmatch(name):
        raise JoinError("the inviting server gives this one a name that is none")
    ours = os.environ.get("TWINBOOT_VERSION", "unknown")
    if theirs != ours:
        raise JoinError(f"the inviting server runs release {_plain(theirs)}, and this checkout is {ours}: "
                        f"git checkout v{_plain(theirs)} here, or upgrade that one first")
    config = {part.removeprefix(collecting.CONFIG): one for part, one in bundle.parts.items()
              if part.startswith(collecting.CONFIG)}
    old = placing.differing(place.config, {part: one.data for part, one in config.items()})
    record = place.state / paths.SITE_RECORD.name
    left = record.exists() and not _names(record, name)
    if record.exists() and not left and not replace:
        raise JoinError(f"this server has a site in use that names {name}: make up starts it. To begin anew "
                        "with what the other server gives: make join REPLACE=1")
    if old and not (left or replace):
        raise JoinError(f"config/{old[0]} is here, and is another one than the inviting server's: move it "
                        "away, or make join REPLACE=1, which keeps it beside")
    stamp = collecting.KEPT + time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    if record.exists():
        placing.put_aside(place.state, [record.name], place.state / stamp)
    placing.put_aside(place.config, old, place.config / collecting.SECRETS / stamp)
    write_config(place.config, config)
    shared = settings.of_a_peer(bundle.parts[collecting.SETTINGS].data.decode()) \
        if collecting.SETTINGS in bundle.parts else {}
    if shared:
        text = place.settings.read_text(encoding="utf-8") if place.settings.exists() else ""
        placing.write(place.settings, settings.with_values(text, shared).encode(), 0o644)
    return name


def _names(record: Path, name: str) -> bool:
    from twinboot.site import SiteError

    known = in_use.read_record(record)
    try:
        return known is not None and name in in_use.site_of(known.committed.text).servers
    except SiteError:
        return True


def _plain(text: object) -> str:
    """What the other side said, for a terminal."""
    return "".join(one if one.isprintable() else "?" for one in str(text))[:300]
