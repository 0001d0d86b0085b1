"""A download goes on by the SHA-256 of both servers' manifests: with other times, never with other bytes."""

from __future__ import annotations

import hashlib

import pytest
from downloadhelp import Fetch
from labhelp import ODD, host
from treehelp import MEDIUM, TREE_SYNC, import_medium, own_trees
from twinlab import Lab
from twinlab.host.server import Server
from twinlab.host.wait import until

BOTH_ON_2 = {"first": "server2", "second": "server2"}
TAKEOVER = "twinboot-takeover-1"
BYTES = 60_000_000
PATH = "trees/alike/big"


def imported(server: Server, word: str, time: str) -> None:
    """A medium of its own, with files of this time; known to the takeover process."""
    server.docker("stop", "-t", "2", TREE_SYNC)
    server.exec("sh", "-ec", f"""
        rm -rf {MEDIUM}; mkdir -p {MEDIUM}/boot; cd {MEDIUM}
        yes {word} | head -c {BYTES} >big
        yes kernel | head -c 100000 >boot/kernel
        find . -exec touch -d '{time}' {{}} +
    """, timeout_s=60)  # fmt: skip
    before = manifests_read(server)
    import_medium(server, "alike")
    until(lambda: manifests_read(server) > before, "the manifest to be read", timeout_s=30)


def manifests_read(server: Server) -> int:
    """How often the takeover process has said so."""
    said = server.docker("logs", TAKEOVER)
    return (said.out + said.err).count("manifest-read tree=alike")


@pytest.mark.long
@pytest.mark.parametrize(
    ("word", "time"), [("twinboot", "2024-05-06 10:00"), ("twinbots", "2023-01-01 10:00")]
)
def test_equal_bytes_go_on_and_others_are_reset(lab: Lab, word: str, time: str) -> None:
    """server2 has the same bytes with another time; or others of the same size and time."""
    sha256 = hashlib.sha256((b"twinboot\n" * (BYTES // 9 + 1))[:BYTES]).hexdigest()
    with own_trees(lab):
        try:
            imported(lab.server(1), "twinboot", "2023-01-01 10:00")
            imported(lab.server(2), word, time)
            with host(lab, ODD) as client:
                fetches = [
                    Fetch.start(lab, client, "curl", scheme, lab.address("first"), 4 << 20, PATH)
                    for scheme in ("http", "ftp")
                ]
                for fetch in fetches:
                    fetch.under_way(1 << 20)
                with lab.fault("power-off", 1):
                    lab.wait_owned(BOTH_ON_2)
                    for fetch in fetches:
                        if word == "twinboot":
                            fetch.finish(sha256)
                            assert fetch.resets() == "", fetch.name
                        else:
                            out, _ = fetch.process.communicate(timeout=60)
                            assert "rc=" in out, fetch.name
                            assert fetch.resets() != "", fetch.name
                            assert fetch.size() < BYTES
        finally:
            for server in lab.servers.values():
                server.docker("start", TREE_SYNC, check=False)
