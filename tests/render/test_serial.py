"""SOA serials: they grow when the zone changes, and only then."""

from __future__ import annotations

import re

import pytest
from rendering import rendered, site
from twinboot.render.dns import quoted, with_serial
from twinboot.site import Site

RECORDS = [{"name": "x", "type": "TXT", "value": "one"}]


def serials(files: dict[str, str]) -> dict[str, int]:
    found = {}
    for path, text in files.items():
        if path.endswith(".zone"):
            [serial] = re.findall(r"^ +(\d+) ; serial", text, re.MULTILINE)
            found[path] = int(serial)
    return found


def etc(of: Site, previous: dict[str, str] | None = None, server: str = "server1") -> dict[str, str]:
    return dict(rendered(of, server, previous=previous).etc)


def test_the_first_serial_does_not_depend_on_the_content() -> None:
    assert (
        set(serials(etc(site())).values())
        == set(serials(etc(site(dns={"records": RECORDS}))).values())
        == {1}
    )


def test_the_same_content_keeps_its_serial() -> None:
    files = etc(site())
    for _ in range(3):
        again = etc(site(), files)
        assert again == files
        files = again


def test_a_change_raises_the_serial_of_its_zone_alone() -> None:
    files = etc(site())
    for number in range(2, 6):
        files = etc(site(dns={"records": [{"name": "x", "type": "TXT", "value": str(number)}]}), files)
        found = serials(files)
        assert found.pop("bind/example.lan.zone") == number
        assert "bind/0.168.192.in-addr.arpa.zone" in found
        assert set(found.values()) == {1}


def test_going_back_is_a_change_too() -> None:
    one = etc(site())
    two = etc(site(dns={"records": RECORDS}), one)
    back = etc(site(), two)
    assert serials(back)["bind/example.lan.zone"] == 3


def test_servers_count_for_themselves() -> None:
    ahead = etc(site(dns={"records": RECORDS}), etc(site()))
    behind = etc(site(dns={"records": RECORDS}), server="server2")
    zone = "bind/example.lan.zone"
    assert (serials(ahead)[zone], serials(behind)[zone]) == (2, 1)
    assert ahead[zone].replace("2 ; serial", "1 ; serial") == behind[zone]


@pytest.mark.parametrize("damaged", ["", "no zone at all", "; serial\n"])
def test_a_damaged_previous_zone_starts_anew(damaged: str) -> None:
    files = etc(site(), {"bind/example.lan.zone": damaged})
    assert serials(files)["bind/example.lan.zone"] == 1


def test_the_last_serial_is_followed_by_one() -> None:
    assert with_serial(lambda n: f"new\n  {n} ; serial", "old\n  4294967295 ; serial").endswith(
        "  1 ; serial"
    )


@pytest.mark.parametrize(
    ("text", "strings"), [("a", ['"a"']), ('say "x"', ['"say \\"x\\""']), ("a" * 300, None)]
)
def test_txt_strings(text: str, strings: list[str] | None) -> None:
    if strings is not None:
        assert quoted(text) == " ".join(strings)
    else:
        assert quoted(text) == f'"{"a" * 255}" "{"a" * 45}"'
