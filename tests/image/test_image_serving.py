"""Each image really serves: clients that others wrote get what the site and the trees hold."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable

import pytest
from imagestack import Container, Place, Start, docker, mounts_of, wait
from twinboot.adapters.steer_links import INSTALL, LOCAL, SteerLinks, Way
from twinboot.daemons import BY_NAME, DAEMONS
from twinboot.tree_sync.host.http import Client, Gone, Unreachable, Wrong

LOADERS = ("pxelinux.0", "lpxelinux.0", "ldlinux.c32", "libutil.c32", "libcom32.c32", "menu.c32")
SERVER, LATER, VIP = 251, 254, 253  # last octets: server1's own address, virtual ones


@pytest.fixture(scope="module")
def big(place: Place) -> str:
    """SHA-256 of the tree's big file."""
    return hashlib.sha256((place.trees / "rh9/Packages/big.bin").read_bytes()).hexdigest()


def fetched(client: Container, command: str) -> str:
    """SHA-256 of what the command writes to stdout in the client."""
    return client.exec("sh", "-c", f"set -e; {command} | sha256sum").stdout.split()[0]


def published(place: Place, path: str) -> str:
    """SHA-256 of a published file."""
    return hashlib.sha256((place.pub / "current" / path).read_bytes()).hexdigest()


def test_tftp_serves_loader_boot_files_and_trees(
    start: Start, client: Container, place: Place, big: str
) -> None:
    start("tftp", ip=11).healthy()
    name = next((place.pub / "current/tftp/pxelinux.cfg").iterdir()).name
    get = f"tftp {place.address(11)} -m binary -c get"
    assert fetched(client, f"{get} pxelinux.cfg/{name} /tmp/o && cat /tmp/o") == published(
        place, f"tftp/pxelinux.cfg/{name}"
    )
    script = f"{get} boot/start.ipxe /tmp/o && cat /tmp/o"
    assert fetched(client, script) == published(place, "tftp/start.ipxe")
    assert fetched(client, f"{get} trees/rh9/Packages/big.bin /tmp/o && cat /tmp/o") == big
    for loader in LOADERS:
        client.exec("sh", "-c", f"{get} {loader} /tmp/o && test -s /tmp/o")


def test_tftp_leaves_copies_of_its_loaders_for_the_takeover(
    start: Start, client: Container, place: Place
) -> None:
    """Those and nothing that is mounted; one set however often it starts; it serves without room, too."""
    volume = f"{place.prefix}-loaders:/run/loaders"
    tftp = start("tftp", ip=15, mounts=[*mounts_of("tftp", place, ""), volume]).healthy()
    docker("restart", "-t", "1", tftp.name)
    tftp.healthy()
    assert len(tftp.exec("ls", "/run/loaders").stdout.split()) == 2, "the set and the link to it"
    copies = tftp.exec("find", "/run/loaders/current/", "-type", "f", "-printf", "%P\\n").stdout
    assert sorted(copies.split()) == sorted(LOADERS)
    for name in LOADERS:
        get = f"tftp {place.address(15)} -m binary -c get {name} /tmp/o && cat /tmp/o"
        copy = tftp.exec("sha256sum", f"/run/loaders/current/{name}").stdout.split()[0]
        assert fetched(client, get) == copy
    full = ("--tmpfs", "/run/loaders:size=16k")
    tight = start("tftp", ip=16, options=full).healthy()
    assert "no room for the boot loaders" in tight.stdout()
    assert tight.exec("ls", "/run/loaders").stdout == ""


def test_tftp_leaves_its_directory_to_nobody(start: Start, client: Container, place: Place) -> None:
    start("tftp", ip=12).healthy()
    ask = f"curl -s -m 3 --path-as-is tftp://{place.address(12)}/"
    for path in ("/etc/passwd", "../../etc/passwd", "trees/../../../etc/passwd"):
        assert client.exec("sh", "-c", f"{ask}{path}", check=False).returncode == 68  # TFTP: not found
    put = f"echo x >/tmp/x; curl -s -m 3 -T /tmp/x tftp://{place.address(12)}/x"
    assert client.exec("sh", "-c", put, check=False).returncode != 0


ASK_FROM = """
import socket, sys
asked, name = sys.argv[1], sys.argv[2].encode()
wrong = 0
for _ in range(4):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(3)
    s.sendto(b"\\0\\1" + name + b"\\0octet\\0", (asked, 69))
    wrong += s.recvfrom(2000)[1][0] != asked
print(wrong)
"""


@pytest.mark.parametrize("service", [one.name for one in DAEMONS if one.publishes])
def test_a_virtual_address_is_answered_from_itself(
    service: str, start: Start, with_address: Callable[..., Container], client: Container, place: Place
) -> None:
    """An address that comes after the start; a reply from the server's own would be no reply (RFC 1350)."""
    namespace = with_address()
    start(service, inside=namespace).healthy()
    later = place.address(LATER)
    namespace.exec("ip", "address", "add", f"{later}/32", "dev", "eth0")
    client.exec("ip", "neigh", "flush", "all")
    if service == "tftp":
        assert client.exec("python3", "-c", ASK_FROM, later, "pxelinux.0").stdout.strip() == "0"
    else:
        scheme = BY_NAME[service].serves.lower()
        verbose = client.exec("curl", "-sv", "-o", "/dev/null", f"{scheme}://{later}/ks/cli129.ks")
        assert service == "httpd" or verbose.stderr.count(later) >= 2, verbose.stderr  # data and control
    namespace.exec("ip", "address", "del", f"{later}/32", "dev", "eth0")


def test_vsftpd_serves_kickstarts_and_trees(start: Start, client: Container, place: Place, big: str) -> None:
    start("vsftpd", ip=13).healthy()
    url = f"ftp://{place.address(13)}"
    assert fetched(client, f"curl -sf {url}/ks/cli129.ks") == published(place, "ks/cli129.ks")
    assert fetched(client, f"curl -sf {url}/trees/rh9/Packages/big.bin") == big
    file = f"{url}/trees/rh9/Packages/big.bin"
    rest = f"(curl -sf -r 0-999999 {file}; curl -sf -C 1000000 {file})"
    assert fetched(client, rest) == big
    assert "rh9" in client.exec("curl", "-sf", f"{url}/trees/").stdout
    assert (
        client.exec("sh", "-c", f"echo x | curl -s -T - {url}/trees/x", check=False).returncode == 25
    )  # refused


def test_a_hosts_boot_files_follow_its_one_link(start: Start, client: Container, place: Place) -> None:
    """By TFTP within tftpd's chroot, by HTTP below the published folder; nobody fetches the links."""
    http, tftp = f"http://{place.address(18)}/boot", f"tftp {place.address(19)} -m binary -c get"
    start("httpd", ip=18).healthy()
    start("tftp", ip=19).healthy()
    links = SteerLinks(place.pub / "steer")
    try:
        for installs in (False, True):
            links.set({"cli128": Way(INSTALL if installs else LOCAL)})
            texts = [
                client.exec("curl", "-sf", f"{http}/machines/host.cli128.ipxe").stdout,
                client.exec("sh", "-c", f"{tftp} pxelinux.cfg/host.cli128 /tmp/o && cat /tmp/o").stdout,
            ]
            for text in texts:
                assert ("vmlinuz" in text) is installs
                assert ("is not to be installed" in text) is not installs
        for path in ("steer/cli128/ipxe", "site/steer/cli128/ipxe", "ways/local/ipxe"):
            code = f"curl -s -o /dev/null -w '%{{http_code}}' {http.removesuffix('/boot')}/{path}"
            assert client.exec("sh", "-c", code).stdout == "404"
    finally:
        links.set({"cli128": Way(INSTALL)})


def test_httpd_serves_kickstarts_and_trees(start: Start, client: Container, place: Place, big: str) -> None:
    start("httpd", ip=14).healthy()
    url = f"http://{place.address(14)}"
    assert fetched(client, f"curl -sf {url}/ks/cli129.ks") == published(place, "ks/cli129.ks")
    assert fetched(client, f"curl -sf {url}/boot/start.ipxe") == published(place, "tftp/start.ipxe")
    assert ">cli129.ks<" in client.exec("curl", "-sf", f"{url}/ks/").stdout, "folders are listed"
    assert fetched(client, f"wget -qO - {url}/trees/rh9/Packages/big.bin") == big
    file = f"{url}/trees/rh9/Packages/big.bin"
    rest = f"(curl -sf -r 0-999999 {file}; curl -sf -r 1000000- {file})"
    assert fetched(client, rest) == big
    assert (
        client.exec("sh", "-c", f"curl -s -o /dev/null -w '%{{http_code}}' -T /etc/passwd {url}/x").stdout
        == "405"
    )


def test_httpd_tells_of_the_page_only_by_names_of_the_site_and_people_in_words(
    start: Start, client: Container, place: Place
) -> None:
    """The page does not run here: who is let through gets 503."""
    start("httpd", ip=27).healthy()
    own = place.address(27)

    def asked(path: str, host: str, accept: str = "*/*") -> tuple[str, str]:
        words = ["-H", f"Host: {host}", "-H", f"Accept: {accept}", f"http://{own}{path}"]
        said = client.exec("curl", "-s", "-w", "\n%{http_code} %{content_type}", *words).stdout
        text, _, ends = said.rpartition("\n")
        return ends, text

    for host in (own, f"{own}:80", place.address(VIP), "server1", "SERVER2.example.lan", "ftp.example.lan",
                 "ftp.example.lan.", "localhost"):  # fmt: skip
        assert asked("/", host)[0] == "503 application/problem+json", host
    for host in ("evil.example", "server1.evil.example", f"{own}.evil.example", "xserver1", "1.2.3.4"):
        for path in ("/", "/ui/machines", "/api/v1/status"):
            assert asked(path, host)[0] == "421 application/problem+json", host
        assert asked("/boot/start.ipxe", host)[0].startswith("200 "), "machines are served"
    browser = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"
    kind, text = asked("/ui/site", own, browser)
    assert kind == "503 text/html; charset=utf-8"
    assert "<h1>The page does not run on this server</h1>" in text
    kind, text = asked("/", "evil.example", browser)
    assert kind == "421 text/html; charset=utf-8"
    assert "api.names" in text


RESUME = """
import http.client, json, sys
first, second, path = sys.argv[1:]
def get(host, **headers):
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request("GET", path, headers={name.replace("_", "-"): text for name, text in headers.items()})
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read()
status, begun, head = get(first, Range="bytes=0-999999")
for validator in ("ETag", "Last-Modified"):
    code, _, rest = get(second, Range="bytes=1000000-", If_Range=begun[validator])
    print(json.dumps([validator, status, code, len(head), len(rest)]))
"""


@pytest.mark.parametrize(("tree", "code", "size"), [("equal", 206, 2_000_000), ("newer", 200, 3_000_000)])
def test_a_resume_is_accepted_by_another_server_with_an_equal_tree(
    start: Start, client: Container, place: Place, tree: str, code: int, size: int
) -> None:
    """Another server's tree is a copy (rsync -a): other inodes, the same times (RFC 9110 section 13.1.5)."""
    other = place.trees.parent / f"trees-{tree}"
    subprocess.run(("cp", "-a", str(place.trees), str(other)), check=True)
    file = other / "rh9/Packages/big.bin"
    assert file.stat().st_ino != (place.trees / "rh9/Packages/big.bin").stat().st_ino
    if tree == "newer":
        os.utime(file)
    mounts = [mount.replace(str(place.trees), str(other)) for mount in mounts_of("httpd", place, "")]
    names = [start("httpd").healthy(), start("httpd", mounts=mounts).healthy()]
    hosts = [one.inspect()["NetworkSettings"]["Networks"][place.network]["IPAddress"] for one in names]
    said = client.exec("python3", "-c", RESUME, *hosts, "/trees/rh9/Packages/big.bin").stdout
    found = [json.loads(line) for line in said.splitlines()]
    assert found == [[validator, 206, code, 1_000_000, size] for validator in ("ETag", "Last-Modified")]


def test_httpd_gives_another_server_a_file_from_any_byte_on(start: Start, place: Place) -> None:
    """As tree-sync asks for it; and every way in which that can go wrong is told from the others."""
    server, address, path = start("httpd", ip=26).healthy(), place.address(26), "/trees/rh9/Packages/big.bin"
    data = (place.trees / "rh9/Packages/big.bin").read_bytes()
    asking = Client()
    for begin in (0, 1, len(data) // 2, len(data) - 1):
        came = b"".join(map(bytes, asking.get(address, path, len(data), begin)))
        assert came == data[begin:], begin
    assert b"".join(map(bytes, asking.get(address, path, None))) == data
    with pytest.raises(Gone):
        list(asking.get(address, f"{path}.none", len(data)))
    for size in (len(data) - 1, len(data) + 1):
        with pytest.raises(Wrong):
            list(asking.get(address, path, size))
    pieces = asking.get(address, path, len(data))
    next(pieces)
    docker("kill", server.name)
    with pytest.raises(Unreachable):
        list(pieces)
    with pytest.raises(Unreachable):
        list(asking.get(address, path, len(data)))


@pytest.fixture(scope="module")
def bind(start: Start) -> Container:
    """named holds the server's own address: its own questions leave from there."""
    return start("bind", ip=SERVER).healthy()


def test_bind_answers_with_authority_and_gives_no_transfer(
    bind: Container, client: Container, place: Place
) -> None:
    server = f"@{place.address(SERVER)}"
    answer = client.exec("dig", server, "+short", "SOA", "example.lan").stdout
    assert len(answer.split()) == 7, answer
    assert client.exec("dig", server, "+short", "-x", place.address(129)).stdout == "cli129.example.lan.\n"
    for asked, meant in (("A", "127.0.0.1"), ("AAAA", "::1")):
        assert client.exec("dig", server, "+short", asked, "localhost").stdout == f"{meant}\n"
    assert client.exec("dig", server, "+short", "-x", "127.0.0.1").stdout == "localhost.\n"
    assert "Transfer failed" in client.exec("dig", server, "example.lan", "AXFR").stdout


def test_bind_serves_an_address_that_comes_later(
    bind: Container, client: Container, place: Place, client_image: str
) -> None:
    """The one capability it keeps is for this: port 53 of an address claimed after its start."""
    later = place.address(LATER)
    docker(
        "run", "--rm", "--network", f"container:{bind.name}", "--cap-add", "NET_ADMIN",
        client_image, "ip", "address", "add", f"{later}/32", "dev", "eth0",
    )  # fmt: skip
    ask = ("dig", f"@{later}", "+short", "+time=1", "+tries=1", "SOA", "example.lan")

    def answers() -> bool:
        done = client.exec(*ask, check=False)
        return done.returncode == 0 and len(done.stdout.split()) == 7

    wait("named answers on the new address", answers)
