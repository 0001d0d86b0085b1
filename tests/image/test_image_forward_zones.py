"""Zones of others behind bind's forwarders: a private one is served, with and without validation of the rest.

The upstream is a second container of the image, with a zone that nobody outside knows and a root of its own
that is not signed: to a validator, which knows the true root's keys, every answer of it is bogus.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from imagestack import Container, Place, Start, docker
from twinboot.render import render, write
from twinboot.site import loads

ROOT = Path(__file__).parents[2]
SERVER, UPSTREAM = 251, 20
NAMED_CONF = """\
options {
    directory "/var/cache/bind"; pid-file none; session-keyfile none; listen-on { any; }; recursion no;
    allow-query { any; };
};
controls { };
zone "." { type primary; file "/etc/twinboot/current/bind/zone"; };
zone "corp.test" { type primary; file "/etc/twinboot/current/bind/zone"; };
zone "99.10.in-addr.arpa" { type primary; file "/etc/twinboot/current/bind/zone"; };
"""
ZONE = """\
$TTL 60
@ SOA a.ns.test. root.ns.test. ( 1 60 60 60 60 )
@ NS a.ns.test.
a.ns.test. A 127.0.0.1
www A 10.99.0.80
1.0 PTR www.corp.test.
"""
FORWARDED = {
    "nothing is said of it": "",
    "its own forwarders": "forward_zones: {corp.test: &its {forwarders: [UP]}, 99.10.in-addr.arpa: *its}",
    "those of the site": "forward_zones: {corp.test: {}, 99.10.in-addr.arpa: {}}",
    "it is validated": "forward_zones: {corp.test: {forwarders: [UP], dnssec_validation: true}}",
}


@pytest.fixture(scope="module")
def upstream(start: Start, place: Place) -> Container:
    folder = place.etc.parent / "upstream"
    (folder / "current/bind").mkdir(parents=True)
    (folder / "current/bind/named.conf").write_text(NAMED_CONF)
    (folder / "current/bind/zone").write_text(
        ZONE.replace("www A", "www.corp.test. A").replace("1.0 PTR", "1.0.99.10.in-addr.arpa. PTR")
    )
    subprocess.run(("chmod", "-R", "a+rX", str(folder)), check=True)
    return start("bind", ip=UPSTREAM, mounts=[f"{folder}:/etc/twinboot:ro"])


@pytest.mark.parametrize(
    ("setting", "forwarders", "served"),
    [
        ("nothing is said of it", True, False),
        ("its own forwarders", True, True),
        ("its own forwarders", False, True),
        ("those of the site", True, True),
        ("it is validated", True, False),
    ],
)
def test_a_private_zone(
    setting: str, forwarders: bool, served: bool, start: Start, place: Place, client: Container,
    upstream: Container, tmp_path: Path,
) -> None:  # fmt: skip
    at = place.address(UPSTREAM)
    text = (ROOT / "config/examples/parity.yaml").read_text().replace("192.168.0.", f"{place.subnet}.")
    lines = [f"forwarders: [{at}]"] * forwarders + [FORWARDED[setting].replace("UP", at)]
    section = "dns:\n" + "".join(f"  {line}\n" for line in lines if line)
    document = re.sub(r"(?m)^dns:\n(  .*\n)*", section, text)
    etc = Path(place.etc.parent / f"etc-{setting.replace(' ', '-')}-{forwarders}")
    shutil.rmtree(etc, ignore_errors=True)
    write(render(loads(document), "server1"), etc, tmp_path / "pub")
    subprocess.run(("chmod", "-R", "a+rX", str(etc)), check=True)
    bind = start("bind", ip=SERVER, mounts=[f"{etc}:/etc/twinboot:ro"]).healthy()
    try:
        assert asked(client, place, "www.corp.test", "A") == (["10.99.0.80"] if served else "SERVFAIL")
        if served:
            assert asked(client, place, "1.0.99.10.in-addr.arpa", "PTR") == ["www.corp.test."]
        if forwarders:  # everything else is validated as before
            assert asked(client, place, "other.test", "A") == "SERVFAIL"
    finally:
        docker("rm", "-f", bind.name)


def asked(client: Container, place: Place, name: str, kind: str) -> Any:
    """The answers, or the code of a refusal."""
    words = ("dig", f"@{place.address(SERVER)}", "+time=8", "+tries=2", kind, name)
    said = client.exec(*words, check=False).stdout
    if "status: NOERROR" not in said:
        return said.partition("status: ")[2].partition(",")[0]
    short = client.exec(*words, "+short", check=False).stdout
    return short.split()

