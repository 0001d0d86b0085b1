"""`twinboot invite`: what a joining server is given, to whom, and until when."""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from twinboot.bundle.certificate import make_certificate
from twinboot.bundle.invitation import SECRET_BYTES, Invitation
from twinboot.bundle.parts import Bundle, Part, pack
from twinboot.errors import ResourceError

from ..backup import collecting, settings
from ..backup.collecting import BackupPaths
from ..changing import in_use
from ..options import argument, fail, option
from .listening import Listener

if TYPE_CHECKING:
    from twinboot.rollout.record import Record
    from twinboot.site import Site

OPEN_S = 3600.0


class NotInvitedError(Exception):
    """Nobody can be invited; the text says why."""


def invite(
    name: Annotated[str, argument(help="A server of the site; left out: the one that was never heard.")] = "",
    minutes: Annotated[float, option("--minutes", help="For how long; 60 when left out.")] = OPEN_S / 60,
    port: Annotated[int, option("--port", help="TCP port; the heartbeats' number when left out.")] = 0,
) -> None:
    """Invite a server to join: prints what to type there, and waits for it. Ctrl-C withdraws the invitation.

    The server must be in the site. With --address A --interface I (and --link NAME=ADDRESS@INTERFACE)
    scripts/twinboot invite puts it there first, and applies that on all servers.
    """
    me = os.environ.get("TWINBOOT_SERVER", "")
    record = in_use.read_record()
    if record is None:
        fail("no site is in use here yet: make up")
    site = in_use.site_of(record.committed.text)
    _end_with_the_caller()
    try:
        name = guest(site, record, me, name)
        answer = pack(given(BackupPaths(), record, me, name))
    except (NotInvitedError, OSError, ResourceError) as exc:
        fail(f"invite: {exc}", 2)
    addresses = own_addresses(site, me)
    secret = secrets.token_bytes(SECRET_BYTES)
    with tempfile.TemporaryDirectory() as folder:
        context, fingerprint = make_certificate(Path(folder), me)
    listener = Listener(
        context=context, secret=secret, answer=answer, say=lambda line: print(line, flush=True))
    try:
        port = listener.open(addresses, port or site.heartbeat.port)
    except OSError as exc:
        fail(f"invite: {exc.strerror}; is another invitation open? --port takes another one")
    ends = time.time() + 60 * minutes
    invitation = Invitation(
        addresses=tuple(addresses), port=port, ends=int(ends), secret=secret, fingerprint=fingerprint)
    until = time.strftime("%H:%M:%S UTC", time.gmtime(ends))
    print(f"{name} is invited until {until}, once. On {name}, in the project's folder:\n\n"
          f"    make join TOKEN={invitation.token()}\n\n"
          "Who has this line gets the site's keys and passwords. It waits at "
          f"{_shown(addresses, port)}; Ctrl-C withdraws it.", flush=True)
    try:
        used = listener.serve(60 * minutes)
    except KeyboardInterrupt:
        fail("withdrawn; nobody can join by it any more", 130)
    if not used:
        fail("the time is over, and nobody has joined", 1)
    print(f"{name} has all that it needs, and checks itself now: make status shows when it takes part")


def guest(site: Site, record: Record, me: str, name: str) -> str:
    """Who is invited. NotInvitedError."""
    if me not in site.servers:
        raise NotInvitedError(f"{me} is not in the site in use itself")
    new = [one for one in site.servers if one != me and one not in record.heard]
    if not name:
        if len(new) != 1:
            raise NotInvitedError("which server? " + (
                f"Never heard so far: {', '.join(new)}" if new else "All servers of the site were heard; "
                "name one that is set up anew, or a new one with --address and --interface"))
        return new[0]
    if name not in site.servers:
        raise NotInvitedError(
            f"{name} is not in the site: scripts/twinboot invite {name} --address ADDRESS --interface "
            "INTERFACE puts it there; or name it below servers and in the groups' order in config/site.yaml, "
            "and scripts/twinboot apply")
    if name == me:
        raise NotInvitedError(f"{name} is this server")
    return name


def given(place: BackupPaths, record: Record, me: str, name: str) -> Bundle:
    """The site in use, secrets, own templates, and settings that all servers share."""
    parts = collecting.config_parts(place)
    parts[collecting.SITE] = Part(record.committed.text.encode())
    text = place.settings.read_text(encoding="utf-8") if place.settings.is_file() else ""
    shared = settings.with_values("", settings.of_a_peer(text))
    parts[collecting.SETTINGS] = Part(shared.encode())
    return Bundle({
        "server": me, "name": name, "site": record.committed.version.number,
        "release": os.environ.get("TWINBOOT_VERSION", "unknown"),
    }, parts)  # fmt: skip


def own_addresses(site: Site, me: str) -> list[IPv4Address]:
    """Where this server listens: its own addresses, of the LAN and of its links; never a virtual one."""
    from twinboot.site.model.links import UdpLink

    server = site.servers[me]
    links = [link.address for link in server.links.values() if isinstance(link, UdpLink)]
    return list(dict.fromkeys([server.address, *links]))


def _shown(addresses: Sequence[IPv4Address], port: int) -> str:
    return " and ".join(f"{address}:{port}" for address in addresses)


def _end_with_the_caller() -> None:
    """The end of scripts/twinboot, without a terminal, shows as the end of the standard input: what nobody
    waits for is withdrawn."""
    if os.environ.get("TWINBOOT_LIFELINE") != "1":
        return

    def wait() -> None:
        while os.read(0, 4096):
            pass
        print("withdrawn", file=sys.stderr)
        os._exit(130)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()
