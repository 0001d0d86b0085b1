"""A takeover process that ends sends its clients nothing, even when killed: in a namespace, as root."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from ipaddress import IPv4Address

import pytest
from twinboot.takeover.host import nftables, silent_exit
from twinboot.takeover.host.serve import sending

SERVER, CLIENT = "192.168.0.253", "192.168.0.9"
INSIDE = """
ip link set lo up
ip addr add {0}/32 dev lo
ip addr add {1}/32 dev lo
exec {2} {3} {4}
"""


def ended(how: str) -> str:
    """In a namespace of its own: what a client sees when a process that serves it has ended in this way."""
    script = INSIDE.format(SERVER, CLIENT, sys.executable, __file__, how)
    done = subprocess.run(["unshare", "--net", "sh", "-ec", script], capture_output=True, text=True,
                          timeout=30, check=False)
    return done.stdout.strip() or done.stderr


@pytest.mark.parametrize(("how", "seen"), [
    ("plainly", "end"), ("silently", "nothing"), ("elsewhere", "end"),
    # killed: after all was sent; with the client's next request unread; the client sends it later
    ("killed", "nothing"), ("killed-unread", "nothing"), ("killed-speaking", "nothing"),
    ("killed-unmarked", "end"), ("handed-over", "end"), ("reset", "reset"),
])
def test_what_a_client_sees_of_the_end_of_who_serves_it(how: str, seen: str) -> None:
    assert ended(how) == seen


def serve(served: socket.socket, how: str) -> None:
    """What the process does that serves a client, to its end."""
    if not how.startswith("killed"):
        addresses = {"silently": {IPv4Address(SERVER)}, "elsewhere": {IPv4Address("192.168.0.254")}}
        if how in addresses:
            assert silent_exit.freeze_connections(addresses[how]) == (how == "silently")
        elif how != "plainly":
            sending.configure_socket(served)
            sending.reset(served) if how == "reset" else asyncio.run(sending.deliver_and_close(served))
        served.close()
        os._exit(0)
    if how == "killed-unread":
        served.recv(1, socket.MSG_PEEK)
    if how != "killed-unmarked":
        sending.configure_socket(served)
    os.kill(os.getpid(), signal.SIGKILL)


def main(how: str) -> None:
    rules = nftables._RULES.replace("UNLESS_LISTENING", "")
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
    listener = socket.create_server((SERVER, 80))
    client = socket.create_connection((SERVER, 80), source_address=(CLIENT, 0))
    if os.fork() == 0:
        client.close()
        serve(listener.accept()[0], how)
    if how == "killed-unread":
        client.sendall(b"request")
    os.wait()
    if how == "killed-speaking":
        client.sendall(b"request")
    client.settimeout(0.3)
    try:
        print("end" if client.recv(1) == b"" else "data")
    except TimeoutError:
        print("nothing")
    except ConnectionResetError:
        print("reset")


if __name__ == "__main__":
    main(sys.argv[1])
