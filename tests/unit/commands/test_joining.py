"""Invitations over TLS on the loopback interface, and the site file with a server more or without one."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from twinboot.bundle import certificate
from twinboot.bundle.invitation import Invitation
from twinboot.bundle.parts import Bundle, BundleError, Part, pack
from twinboot.commands.backup import collecting
from twinboot.commands.backup.collecting import BackupPaths
from twinboot.commands.joining import inviting, join, membership
from twinboot.commands.joining.inviting import NotInvitedError
from twinboot.commands.joining.join import JoinError
from twinboot.commands.joining.listening import Listener
from twinboot.commands.joining.membership import MembershipError
from twinboot.rollout.model import Committed, Version
from twinboot.rollout.record import Record as SiteRecord
from twinboot.site import SiteError, loads

EXAMPLE = (Path(__file__).parents[3] / "config/examples/parity.yaml").read_text()
THREE = membership.with_server(EXAMPLE, "server3", "192.168.0.250", "eth0", {})
SECRET = bytes(16)
LOCAL = IPv4Address("127.0.0.1")
RELEASE = "1.2.3"


@pytest.fixture(autouse=True)
def _release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWINBOOT_VERSION", RELEASE)


def bundle(release: str = RELEASE, name: str = "server3", **more: Part) -> Bundle:
    parts = {collecting.SITE: Part(THREE.encode()), "config/secrets/k": Part(b"key", 0o644),
             collecting.SETTINGS: Part(b"TWINBOOT_REGISTRY=here\n"), **more}
    return Bundle({"server": "server1", "name": name, "release": release, "site": 7}, parts)


@dataclass
class Open:
    """An invitation that is open."""

    invitation: Invitation
    listener: Listener
    said: list[str] = field(default_factory=list)


@contextlib.contextmanager
def opened(tmp_path: Path, answer: bytes = b"", wall: Callable[[], float] = time.time) -> Iterator[Open]:
    context, known = certificate.make_certificate(tmp_path, "server1")
    said: list[str] = []
    listener = Listener(
        context=context, secret=SECRET, answer=answer or pack(bundle()), say=said.append, wall=wall)
    port = listener.open([LOCAL], 0)
    serving = threading.Thread(target=listener.serve, args=(20.0,))
    serving.start()
    ends = int(time.time()) + 60
    try:
        yield Open(Invitation(addresses=(LOCAL,), port=port, ends=ends, secret=SECRET, fingerprint=known),
                   listener, said)
    finally:
        listener.used.set()
        serving.join()


def fetch(invitation: Invitation, *, keep: bool = True) -> Bundle:
    with join.connected(invitation) as (tls, whom):
        assert whom == "127.0.0.1"
        found, said = join.fetched(tls, invitation)
        if keep:
            tls.sendall(b"kept\n")
            assert said(16) == b"closed\n"
        return found


def test_an_invitation_is_good_once(tmp_path: Path) -> None:
    with opened(tmp_path) as one:
        assert fetch(one.invitation, keep=False) == bundle(), "interrupted"
        assert not one.listener.used.is_set()
        assert fetch(one.invitation) == bundle()
        assert one.listener.used.is_set()
    with pytest.raises(JoinError, match="used or withdrawn"):
        fetch(one.invitation)
    with pytest.raises(JoinError, match="ended at"):
        fetch(replace(one.invitation, ends=int(time.time()) - 10))


def test_nobody_else_comes_after_the_first(tmp_path: Path) -> None:
    with opened(tmp_path) as one:
        one.listener._guest = "192.168.0.66"
        with pytest.raises(JoinError, match=r"used from 192\.168\.0\.66"):
            fetch(one.invitation)


def test_without_the_secret_nothing_is_given(tmp_path: Path) -> None:
    with opened(tmp_path) as one:
        with pytest.raises(JoinError, match="does not know the secret"):
            fetch(replace(one.invitation, secret=bytes(15) + b"x"))
        assert one.said == ["127.0.0.1 was refused: it does not know the secret of this invitation"]
        assert fetch(one.invitation) == bundle(), "it stays open"


@pytest.mark.parametrize(("skew_s", "way"), [(3600.0, "behind"), (-90.0, "ahead of")])
def test_a_wrong_clock_is_told(tmp_path: Path, skew_s: float, way: str) -> None:
    with opened(tmp_path, wall=lambda: time.time() + skew_s) as one, \
            pytest.raises(JoinError, match=rf"clock is \d+ s {way} "):
        fetch(one.invitation)


def test_another_server_that_answers_is_told_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as one:
        with pytest.raises(JoinError, match="its certificate is another one"):
            fetch(replace(one.invitation, fingerprint=bytes(32)))
        assert one.said == []


def test_unknown_hosts_on_the_port_do_no_harm(tmp_path: Path) -> None:
    with opened(tmp_path) as one:
        for rude in (b"", b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01" + b"\xff" * 500):
            with socket.create_connection(("127.0.0.1", one.invitation.port)) as connection:
                connection.sendall(rude)
        context = certificate.client_context()
        for line in (b"\n", b"[]\n", b'{"secret": 1}\n', b'{"secret": "zz", "time": "x"}\n', b"x" * 5000):
            with socket.create_connection(("127.0.0.1", one.invitation.port)) as connection, \
                    context.wrap_socket(connection) as tls, contextlib.suppress(OSError):
                tls.sendall(line)
                tls.recv(4096)
        assert fetch(one.invitation) == bundle()


def test_a_port_that_answers_otherwise_or_not_at_all_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()

        def rude() -> None:
            connection, _ = other.accept()
            connection.sendall(b"220 ready\r\n")
            connection.close()

        threading.Thread(target=rude).start()
        there = Invitation(addresses=(LOCAL,), port=other.getsockname()[1], ends=0, secret=SECRET,
                           fingerprint=bytes(32))
        with pytest.raises(JoinError, match="not as a server that invites"):
            fetch(there)
    silent = [("10.0.0.1:694", "silent"), ("192.168.0.251:694", "No route to host")]
    told = join.why_nobody_answers(replace(there, port=694), silent, 0.0)
    assert "10.0.0.1:694 (no answer)" in told
    assert "TCP port 694" in told


@pytest.mark.parametrize("answer", [b"x" * 100, pack(bundle())[:-40] + bytes(40)])
def test_a_damaged_answer_is_refused(tmp_path: Path, answer: bytes) -> None:
    with opened(tmp_path, answer) as one, pytest.raises(BundleError):
        fetch(one.invitation)


# What becomes of it on the new server ------------------------------------------------------------------


def place(top: Path) -> BackupPaths:
    made = BackupPaths(top / "config", top / "state", top / "leases", top / "compose/.env", top / "image")
    for folder in (made.config, made.state, made.leases, made.settings.parent):
        folder.mkdir(parents=True)
    made.settings.write_text("TWINBOOT_SERVER=\nTWINBOOT_REGISTRY=\n")
    return made


def in_use(place: BackupPaths, text: str) -> None:
    record = SiteRecord(Committed(Version(7, b"d"), text))
    (place.state / "site.json").write_bytes(record.encode())


def test_a_new_server_has_all_in_its_place(tmp_path: Path) -> None:
    target = place(tmp_path)
    assert join.accept(bundle(), target, replace=False) == "server3"
    assert (target.config / "site.yaml").read_text() == THREE
    assert (target.config / "secrets/k").stat().st_mode & 0o777 == 0o600
    assert target.settings.read_text() == "TWINBOOT_SERVER=\nTWINBOOT_REGISTRY=here\n"
    assert join.accept(bundle(), target, replace=False) == "server3", "again, after an interruption"


@pytest.mark.parametrize(("given", "why"), [
    (bundle(release="9.9.9"), "git checkout v9.9.9"), (bundle(name="a b"), "a name that is none")])
def test_what_does_not_fit_changes_nothing(tmp_path: Path, given: Bundle, why: str) -> None:
    target = place(tmp_path)
    with pytest.raises(JoinError, match=why):
        join.accept(given, target, replace=False)
    assert list(target.config.iterdir()) == []


def test_what_is_in_the_way_is_kept(tmp_path: Path) -> None:
    target = place(tmp_path)
    (target.config / "site.yaml").write_text("mine: 1\n")
    with pytest.raises(JoinError, match=r"config/site\.yaml is here"):
        join.accept(bundle(), target, replace=False)
    assert (target.config / "site.yaml").read_text() == "mine: 1\n"
    in_use(target, THREE)
    with pytest.raises(JoinError, match="a site in use that names server3"):
        join.accept(bundle(), target, replace=False)
    in_use(target, EXAMPLE)  # it has left: that site does not name it
    assert join.accept(bundle(), target, replace=False) == "server3"
    kept = [path.read_text() for path in target.config.rglob(f"{collecting.KEPT}*/site.yaml")]
    assert kept == ["mine: 1\n"]
    assert not (target.state / "site.json").exists()


def test_a_joining_server_is_given_what_all_share_and_no_more(tmp_path: Path) -> None:
    source = place(tmp_path)
    source.settings.write_text("TWINBOOT_SERVER=server1\nTWINBOOT_TREES=/x\nTWINBOOT_BIND_IMAGE=mine\n")
    (source.config / "site.yaml").write_text("edited: 1\n")
    (source.config / "secrets").mkdir()
    (source.config / "secrets/k").write_text("key")
    (source.state / "machines.sqlite").write_text("")
    record = SiteRecord(Committed(Version(7, b"d"), THREE))
    given = inviting.given(source, record, "server1", "server3")
    assert given.parts[collecting.SITE].data.decode() == THREE, "the site in use, not what is edited"
    assert given.parts[collecting.SETTINGS].data == b"TWINBOOT_BIND_IMAGE=mine\n"
    assert given.parts.keys() == {collecting.SITE, collecting.SETTINGS, "config/secrets/k"}


@pytest.mark.parametrize(("me", "name", "heard", "found"), [
    ("server1", "", ("server2",), "server3"), ("server1", "server2", (), "server2"),
    ("server1", "", (), None), ("server1", "", ("server2", "server3"), None), ("server1", "web", (), None),
    ("server1", "server1", (), None), ("other", "server2", (), None),
])  # fmt: skip
def test_who_is_invited(me: str, name: str, heard: tuple[str, ...], found: str | None) -> None:
    record = SiteRecord(Committed(Version(7, b"d"), THREE), heard=heard)
    if found is None:
        with pytest.raises(NotInvitedError):
            inviting.guest(loads(THREE), record, me, name)
    else:
        assert inviting.guest(loads(THREE), record, me, name) == found


def test_it_listens_at_its_own_addresses_alone() -> None:
    assert [str(one) for one in inviting.own_addresses(loads(EXAMPLE), "server1")] == [
        "192.168.0.251", "10.0.0.1"]


# The site file -----------------------------------------------------------------------------------------


def test_a_server_is_added_last_and_comments_stay() -> None:
    site = loads(THREE)
    assert [one.order[-1] for one in site.groups.values()] == ["server3", "server3"]
    assert set(site.servers["server3"].links) == {"lan"}
    comments = [line for line in EXAMPLE.splitlines() if line.lstrip().startswith("#")]
    assert [line for line in THREE.splitlines() if line.lstrip().startswith("#")] == comments
    linked = membership.with_server(
        EXAMPLE, "server3", "192.168.0.250", "eth0",
        {"crossover": {"address": "10.0.0.3", "interface": "eth1"}})
    assert set(loads(linked).servers["server3"].links) == {"lan", "crossover"}


def test_a_server_is_taken_out_as_it_was_put_in() -> None:
    assert loads(membership.without_server(THREE, "server3")) == loads(EXAMPLE)


@pytest.mark.parametrize(("change", "why"), [
    (lambda: membership.with_server(EXAMPLE, "server2", "192.168.0.9", "eth0", {}), "already"),
    (lambda: membership.with_server(EXAMPLE, "s3", "192.168.0.9", "eth0", {"x": {}}), "has a link x"),
    (lambda: membership.without_server(EXAMPLE, "server9"), "not in the site"),
    (lambda: membership.without_server(EXAMPLE, "server2"), "2 servers at least"),
    (lambda: membership.without_server(
        THREE.replace("[server1, server2, server3]", "[server1]"), "server1"),
     "alone may hold"),
])  # fmt: skip
def test_what_the_site_cannot_have_is_refused(change: Callable[[], Any], why: str) -> None:
    with pytest.raises(MembershipError, match=why):
        change()


def test_a_wrong_address_is_a_fault_of_the_site() -> None:
    with pytest.raises(SiteError):
        membership.with_server(EXAMPLE, "server3", "192.168.0.251", "eth0", {})
