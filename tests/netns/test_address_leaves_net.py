"""What is left in this kernel of an address that leaves, or is not here yet: in a namespace, as root."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from ipaddress import IPv4Address

import pytest
from twinboot.daemons import VSFTPD
from twinboot.takeover.host import kernel_connections
from twinboot.takeover.host.serve.ftp_data import DataChannel
from twinboot.takeover.logic.protocols.ftp import Channel

SERVER, OTHER, CLIENT = "192.168.0.253", "192.168.0.254", "192.168.0.9"
PORT = VSFTPD.data_ports[7]
INSIDE = """
ip link set lo up
for one in {0} {1} {2}; do ip addr add $one/32 dev lo; done
exec {3} {4} {5}
"""


def inside(what: str) -> dict[str, bool]:
    """What main() of this file prints, in a namespace of its own."""
    script = INSIDE.format(SERVER, OTHER, CLIENT, sys.executable, __file__, what)
    done = subprocess.run(["unshare", "--net", "sh", "-ec", script], capture_output=True, text=True,
                          timeout=30, check=True)
    found: dict[str, bool] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(("whose", "goes_on"), [
    ("a session's data port", False), ("a data port of all addresses", True), ("another address", True),
    ("the service", True), ("its connection", False),
])
def test_who_listens_for_data_of_an_address_that_has_left_does_not_get_it(whose: str, goes_on: bool) -> None:
    assert inside("leaves")[whose] == goes_on


def test_a_session_listens_for_data_though_its_address_has_vanished_for_a_moment() -> None:
    assert inside("vanishes") == {"it listens": True, "the client gets through": True}


def _leaves() -> dict[str, bool]:
    listeners = {
        "a session's data port": socket.create_server((SERVER, PORT)),
        "a data port of all addresses": socket.create_server(("0.0.0.0", PORT + 1)),
        "another address": socket.create_server((OTHER, PORT)),
        "the service": socket.create_server((SERVER, 21)),
    }
    with socket.create_connection((SERVER, 21), source_address=(CLIENT, 0)):
        served = listeners["the service"].accept()[0]
        kernel_connections.end_connections(IPv4Address(SERVER))
        found = {name: _listens(one) for name, one in listeners.items()}
        return {**found, "its connection": not served.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)}


def _listens(one: socket.socket) -> bool:
    host, port = one.getsockname()
    try:
        socket.create_connection((SERVER if host == "0.0.0.0" else host, port), timeout=1).close()
        one.settimeout(1)
        one.accept()
    except OSError:
        return False
    return True


def _vanishes() -> dict[str, bool]:
    channel = DataChannel(SERVER, CLIENT)
    subprocess.run(["ip", "addr", "del", f"{SERVER}/32", "dev", "lo"], check=True)
    channel.expect(Channel.PASSIVE, PORT)
    subprocess.run(["ip", "addr", "add", f"{SERVER}/32", "dev", "lo"], check=True)
    with socket.create_connection((SERVER, PORT), timeout=1, source_address=(CLIENT, 0)):
        return {"it listens": channel.listened_on(PORT), "the client gets through": True}


if __name__ == "__main__":
    print(json.dumps({"leaves": _leaves, "vanishes": _vanishes}[sys.argv[1]]()))
