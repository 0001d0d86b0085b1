"""An adopter's end, in a network namespace: its clients hear nothing, and the filter stays. Needs root."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from ipaddress import IPv4Address

import pytest
from twinboot.adopter import leaving

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: makes network namespaces")

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


@pytest.mark.parametrize(("how", "seen"), [("plainly", "end"), ("silently", "nothing"), ("elsewhere", "end")])
def test_what_a_client_sees_of_the_end_of_who_serves_it(how: str, seen: str) -> None:
    assert ended(how) == seen


def main(how: str) -> None:
    listener = socket.create_server((SERVER, 80))
    client = socket.create_connection((SERVER, 80), source_address=(CLIENT, 0))
    if os.fork() == 0:
        client.close()
        served, _ = listener.accept()
        addresses = {"silently": {IPv4Address(SERVER)}, "elsewhere": {IPv4Address("192.168.0.254")}}
        if how != "plainly":
            assert leaving.silently(addresses[how]) == (how == "silently")
        served.close()
        os._exit(0)
    os.wait()
    client.settimeout(0.3)
    try:
        print("end" if client.recv(1) == b"" else "data")
    except TimeoutError:
        print("nothing")


if __name__ == "__main__":
    main(sys.argv[1])
