"""Listings by FTP: the takeover process's are the FTP server's, byte for byte, and go on when an address
moves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from labhelp import ODD, host, own_lab
from twinlab import Lab
from twinlab.host.wait import until
from twinlab.programs.fetching import trees

BOTH_ON_2 = {"first": "server2", "second": "server2"}
# Says the commands, and stops in the middle of the last one's data until /go is there. Prints what came.
TALK = """
import ftplib, hashlib, os, sys, time
ftp = ftplib.FTP({address!r}, timeout=60)
ftp.login()
ftp.cwd("trees/rh9/{folder}")

def get(command, wait=False):
    ftp.voidcmd("TYPE A")
    host, port = ftplib.parse227(ftp.sendcmd("PASV"))
    data = ftplib.socket.socket()
    data.setsockopt(ftplib.socket.SOL_SOCKET, ftplib.socket.SO_RCVBUF, 2048 if wait else 1 << 20)
    data.connect((host, port))
    assert ftp.sendcmd(command)[:3] == "150"
    had = data.recv(100) if wait else b""
    while wait and not os.path.exists("/go"):
        open("/under-way", "w").close()
        time.sleep(0.1)
    while more := data.recv(65536):
        had += more
    data.close()
    assert ftp.voidresp().startswith("226 Directory send OK"), "another end"
    return had

before = [get(one) for one in {commands}]
during = get({commands}[0], wait=True)
assert during == before[0], ("during", len(during), len(before[0]))
after = [get(one) for one in {commands}]
assert after == before, "after"
print("alike", [len(one) for one in after])
"""
COMMANDS = ["LIST", "NLST", "LIST -a", "NLST -l", "LIST ..", "LIST -la ../images", "LIST nothing"]


@pytest.fixture(scope="module")
def listings() -> Iterator[Lab]:
    """A lab whose tree has a directory of some hundred files."""
    with own_lab("listings", trees=trees()) as lab:
        yield lab


@pytest.mark.long
@pytest.mark.parametrize("fault", ["power-off", "standby"])
@pytest.mark.parametrize("folder", ["fetch/rpms", "images"])
def test_a_listing_goes_on_in_the_middle(listings: Lab, fault: str, folder: str) -> None:
    """The first is longer than the client's window, the second is all in the client's kernel already."""
    lab, address = listings, listings.address("first")
    with host(lab, ODD) as client:
        client.capture(f"host {address} and tcp", "/all.pcap")
        process = client.start(
            "python3", "-c", TALK.format(address=address, folder=folder, commands=COMMANDS))
        until(lambda: client.sh("test -e /under-way", check=False).ok, "the middle", timeout_s=30)
        with lab.fault(fault, 1):
            lab.wait_owned(BOTH_ON_2)
            client.sh("touch /go")
            out, _ = process.communicate(timeout=90)
        assert "alike" in out, out
        assert client.resets("/all.pcap", address) == ""
