"""dhcpd's guard: it serves while its address is on the interface, and not a moment longer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from imagestack import Container, Place, Start, docker, wait

VIP = 253
MAC = "52:54:00:00:01:29"  # cli129 of the example site
Namespace = Callable[..., Container]


def offer(client: Container, *options: str) -> str:
    """What udhcpc says about one try for a lease; it configures nothing."""
    done = client.exec(
        "busybox", "udhcpc", "-i", "eth0", "-f", "-q", "-n", "-t", "3", "-T", "1", "-s", "/bin/true",
        "-O", "tftp", *options, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_owner_answers_and_stops_when_the_address_goes(
    place: Place, with_address: Namespace, start: Start, client: Container
) -> None:
    namespace = with_address(VIP)
    server = start("dhcpd", inside=namespace).healthy()
    client.exec("ip", "link", "set", "eth0", "address", MAC)
    said = offer(client)
    assert f"lease of {place.address(129)} obtained from {place.address(VIP)}" in said, said + server.output()
    log = server.stdout()
    for word in ("DHCPDISCOVER", "DHCPOFFER", "DHCPREQUEST", "DHCPACK"):
        assert f"{word} " in log, log
    namespace.exec("ip", "address", "del", f"{place.address(VIP)}/32", "dev", "eth0")
    assert server.exit_code(timeout_s=5) == 0
    assert f"{place.address(VIP)} left eth0" in server.stdout()
    assert "no lease" in offer(client)
    again = docker("start", server.name)  # back without the address: it looks, and ends
    assert again.returncode == 0
    assert server.exit_code(timeout_s=5) == 0
    assert "not the owner" in server.stdout()


def test_ends_soon_after_its_address(place: Place, with_address: Namespace, start: Start) -> None:
    """No second DHCP server beside the next owner: two seconds are ten times what it takes."""
    namespace = with_address(VIP)
    server = start("dhcpd", inside=namespace).healthy()
    namespace.exec("ip", "address", "del", f"{place.address(VIP)}/32", "dev", "eth0")
    assert wait("dhcpd has ended", lambda: not server.running(), 5.0, 0.05) < 2.0


def allow(server: Container, text: str) -> None:
    """The sidecar's word in the leases' folder."""
    server.exec("sh", "-c", f"printf '{text}' >/var/lib/dhcp/serve")


@pytest.mark.parametrize("other", ["", "10.9.8.7\n"], ids=["nothing", "another address"])
def test_serves_only_what_the_sidecar_allows(
    place: Place, with_address: Namespace, start: Start, client: Container, other: str
) -> None:
    """Compose starts it with the files of a site that moved dhcpd here, before the sidecar works by that."""
    server = start("dhcpd", inside=with_address(VIP)).healthy()
    allow(server, f"{place.address(VIP)}\n")
    client.exec("ip", "link", "set", "eth0", "address", MAC)
    assert "obtained" in offer(client)
    assert server.running()
    allow(server, other)
    assert server.exit_code(timeout_s=5) == 0
    assert "no lease" in offer(client)
    docker("start", server.name)
    assert server.exit_code(timeout_s=5) == 0
    said = f"lets it serve {other.strip() or 'nothing'}, and not {place.address(VIP)}"
    assert said in server.stdout()


def test_without_the_address_it_ends_at_once(place: Place, with_address: Namespace, start: Start) -> None:
    server = start("dhcpd", inside=with_address())
    assert server.exit_code() == 0
    assert f"not the owner: {place.address(VIP)} is not on eth0" in server.stdout()


def test_an_address_that_only_begins_the_same_is_not_it(
    place: Place, with_address: Namespace, start: Start
) -> None:
    namespace = with_address(25)
    namespace.exec("ip", "address", "add", f"{place.address(VIP)}/32", "dev", "lo")
    assert start("dhcpd", inside=namespace).exit_code() == 0


def test_leases_survive_a_new_container(
    place: Place, with_address: Namespace, start: Start, client: Container
) -> None:
    """A dynamic client's lease is in the volume, owned by dhcpd's user, and known after a kill."""
    namespace = with_address(VIP)
    server = start("dhcpd", inside=namespace).healthy()
    client.exec("ip", "link", "set", "eth0", "address", "52:54:00:00:99:01")
    assert "obtained" in offer(client)
    docker("kill", server.name)
    docker("start", server.name)
    server.healthy()
    text = server.exec("cat", "/var/lib/dhcp/dhcpd.leases").stdout
    assert "52:54:00:00:99:01" in text
    owner = server.exec("stat", "-c", "%u:%g %a", "/var/lib/dhcp/dhcpd.leases").stdout.split()
    assert owner == ["967:967", "664"], owner


def test_a_broken_configuration_is_told_in_dhcpds_words(
    place: Place,
    with_address: Namespace,
    start: Start,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    etc = tmp_path_factory.mktemp("etc")
    etc.chmod(0o755)
    (etc / "current/dhcpd").mkdir(parents=True)
    (etc / "current/dhcpd/guard").write_text(f"{place.address(VIP)} eth0\n")
    (etc / "current/dhcpd/dhcpd.conf").write_text("subnet 10.231.0.0 nonsense\n")
    server = start("dhcpd", inside=with_address(VIP), mounts=[f"{etc}:/etc/twinboot:ro"])
    assert server.exit_code() == 2
    assert "dhcpd.conf line 1" in server.stdout()
    assert "refused" in server.stdout()


@pytest.mark.parametrize(("text", "code"), [("", 0), ("subnet 10.231.0.0 nonsense\n", 78)])
def test_check_says_whether_it_would_start_without_address_and_network(
    place: Place, start: Start, with_address: Namespace, tmp_path_factory: pytest.TempPathFactory,
    text: str, code: int,
) -> None:
    """The command `check` of a managed daemon's image (images/README.md)."""
    etc = tmp_path_factory.mktemp("etc")
    etc.chmod(0o755)
    (etc / "current/dhcpd").mkdir(parents=True)
    (etc / "current/dhcpd/guard").write_text(f"{place.address(VIP)} eth0\n")
    (etc / "current/dhcpd/dhcpd.conf").write_text(text)
    mounts = [f"{etc}:/etc/twinboot:ro"]
    server = start("dhcpd", inside=with_address(), mounts=mounts, command=("check",))
    assert server.exit_code() == code
    assert ("line 1" in server.stdout()) is bool(code)
