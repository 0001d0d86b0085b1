"""Answers that hold a password's hash: their own machine gets them, by HTTP, and nobody else does."""

from __future__ import annotations

import copy

import pytest
import yaml
from imagestack import Container, Place, Start
from twinboot.render import render, write
from twinboot.site import parse

HASH = "$6$salt$" + "h" * 86
OWNER, NEIGHBOUR, UNKNOWN = 129, 128, 168
PATHS = ("ks/cli129.ks", "ks/rh9-first.ks")


@pytest.fixture(scope="module")
def machines(place: Place, client: Container) -> Container:
    """The site with a hash is published; the client has the addresses of two hosts and an unknown machine."""
    document = yaml.safe_load((place.etc.parents[0] / "site.yaml").read_text())
    changed = copy.deepcopy(document)
    changed["profiles"]["rh9"]["rootpw_file"] = "secrets/root.hash"
    write(render(parse(changed), "server1", secrets={"secrets/root.hash": HASH}), place.etc, place.pub)
    for last in (OWNER, NEIGHBOUR, UNKNOWN):
        client.exec("ip", "address", "add", f"{place.address(last)}/24", "dev", "eth0")
    return client


def got(client: Container, place: Place, asker: int, url: str) -> tuple[int, str]:
    """curl's end and what it wrote, the status of HTTP last."""
    ask = ("curl", "-s", "-w", "%{http_code}", "--interface", place.address(asker), url)
    done = client.exec(*ask, check=False)
    return done.returncode, done.stdout


def test_each_machine_gets_its_own_and_no_other(start: Start, machines: Container, place: Place) -> None:
    start("httpd", ip=14).healthy()
    url = f"http://{place.address(14)}"
    own, shared = (f"{url}/{path}" for path in PATHS)
    for asker, file in ((OWNER, own), (UNKNOWN, shared)):
        code, text = got(machines, place, asker, file)
        assert (code, text[-3:]) == (0, "200")
        assert HASH in text
    for asker, file in ((NEIGHBOUR, own), (UNKNOWN, own), (OWNER, shared), (NEIGHBOUR, shared)):
        assert got(machines, place, asker, file)[1].endswith("404"), (asker, file)
    hidden = f"site/current/private/{place.address(OWNER)}/{PATHS[0]}"
    for below in (hidden, "site/", "/site/current/private/", f"ks/../{hidden}"):
        for asker in (OWNER, NEIGHBOUR):
            ask = ("--path-as-is", f"{url}/{below}")
            done = machines.exec("curl", "-s", "--interface", place.address(asker), *ask, check=False)
            assert HASH not in done.stdout, below
    listed = got(machines, place, OWNER, f"{url}/ks/")
    assert "cli129" not in listed[1]


def test_a_client_that_was_taken_over_asks_again_by_itself(
    start: Start, machines: Container, place: Place
) -> None:
    """The take-over asks for it with an address of the server: the connection ends without an answer, and a
    client asks anew (RFC 9110 section 9.2.2) with its own."""
    httpd = start("httpd", ip=16).healthy()
    ask = "busybox wget -q -O - http://127.0.0.1/ks/cli129.ks"
    said = httpd.exec("sh", "-c", ask, check=False)
    assert said.returncode != 0
    assert "404" not in said.stderr, "no answer at all"
    fine = httpd.exec("sh", "-c", "busybox wget -q -O - http://127.0.0.1/boot/start.ipxe")
    assert fine.stdout.startswith("#!ipxe")


@pytest.mark.parametrize("service", ["vsftpd", "tftp"])
def test_no_other_service_reads_them(
    service: str, start: Start, machines: Container, place: Place
) -> None:
    start(service, ip={"vsftpd": 13, "tftp": 12}[service]).healthy()
    address = place.address({"vsftpd": 13, "tftp": 12}[service])
    scheme = {"vsftpd": "ftp", "tftp": "tftp"}[service]
    for top in ("", "site/current/"):
        for path in (*PATHS, f"private/{place.address(OWNER)}/{PATHS[0]}"):
            url = f"{scheme}://{address}/{top}{path}"
            ask = ("curl", "-s", "-m", "5", "--interface", place.address(OWNER), url)
            done = machines.exec(*ask, check=False)
            assert done.returncode != 0, path
            assert HASH not in done.stdout
    if service == "vsftpd":
        fine = machines.exec("curl", "-sf", f"ftp://{address}/site/current/tftp/start.ipxe")
        assert fine.stdout.startswith("#!ipxe"), "what is for all is still to be had"
