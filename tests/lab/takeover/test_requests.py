"""Requests in unusual words, and what only a server makes (listings, answers with several ranges), while
their server dies or hands over: each answer goes on byte by byte, and so does the connection."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from labhelp import ODD, host, own_lab
from twinlab import Lab
from twinlab.host.wait import until
from twinlab.programs.fetching import FOLDER, trees

BOTH_ON_2 = {"first": "server2", "second": "server2"}
HOME = {"first": "server1", "second": "server2"}
ODD_REQUESTS = Path(__file__).parents[1] / "support/oddrequests.py"


@pytest.fixture(scope="module")
def requests_lab() -> Iterator[Lab]:
    """A lab whose tree has big and small files, and a directory of many."""
    with own_lab("requests", trees=trees()) as lab:
        yield lab


@pytest.mark.long
@pytest.mark.parametrize("fault", ["power-off", "standby"])
def test_what_was_asked_in_unusual_words_is_answered_to_its_end(requests_lab: Lab, fault: str) -> None:
    lab, address = requests_lab, requests_lab.address("first")
    with host(lab, ODD) as client:
        client.capture(f"host {address} and tcp", "/all.pcap")
        process = client.start("python3", "-c", ODD_REQUESTS.read_text(), address, f"/trees/{FOLDER}")
        until(lambda: client.sh("test -e /under-way", check=False).ok, "the middle", timeout_s=60)
        with lab.fault(fault, 1):
            lab.wait_owned(BOTH_ON_2)
            client.sh("touch /go")
            out, _ = process.communicate(timeout=120)
        lab.wait_owned(HOME)
        assert client.resets("/all.pcap", address) == ""
        went = json.loads(out.splitlines()[-1])
        assert {name: how for name, how in went.items() if how != "alike"} == {}, out
