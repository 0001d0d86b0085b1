"""One download whose server dies and is taken over, with chosen TCP options: a case, and what came out.

    server 192.168.0.253 (dead one and taker, one after the other) -- router -- client 192.168.1.9

Owns the namespaces and the call; what happens in them is options_inside.py's. Needs root (see conftest.py).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

Sysctls = dict[str, int | str]
"""By their names in net.ipv4."""
SCRIPT = """
for name in router client; do
    unshare --net sleep 100 & pid=$!
    eval $name=$pid
    until [ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.05; done
done
trap 'kill $router $client' EXIT
in_router() { nsenter --net=/proc/$router/ns/net "$@"; }
in_client() { nsenter --net=/proc/$client/ns/net "$@"; }
ip link add eth0 type veth peer name left netns $router
in_router ip link add right type veth peer name eth0 netns $client
in_router sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
ip link set lo up
ip link set eth0 gso_max_segs 1 up
ip addr add 192.168.0.251/24 dev eth0
ip route add default via 192.168.0.1
in_router ip link set left gso_max_segs 1 up
in_router ip link set right gso_max_segs 1 up
in_router ip addr add 192.168.0.1/24 dev left
in_router ip addr add 192.168.1.1/24 dev right
in_client ip link set lo up
in_client ip link set eth0 gso_max_segs 1 up
in_client ip addr add 192.168.1.9/24 dev eth0
in_client ip route add default via 192.168.1.1 $CLIENT_ROUTE
$PYTHON $RIG "$CASE" $router $client
"""
"""gso_max_segs 1: a packet that is seen on the wire is one segment."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is particular to one download."""

    client: Sysctls = field(default_factory=dict)
    server: Sysctls = field(default_factory=dict)
    taker: Sysctls = field(default_factory=dict)
    client_route: str = ""
    """Of the client's route: ip-route(8)."""
    sent: int = 31
    """Segments that the dead server sent after the client's last acknowledgement that it heard."""
    dropped: tuple[int, ...] = (0,)
    """Which of them the client did not get."""
    to_the_end: bool = False
    """They are the last of the file, and the dead server ends the connection after them."""
    untold: bool = False
    """The dead server had not told that it had begun to answer."""
    ftp: bool = False
    """The connection is recorded as a data connection of FTP's."""
    mtu: int = 1500
    """Of the link between router and client, after the death."""
    rate: str = ""
    """What it carries then, with a queue of 60 ms: tc(8), 20mbit. Empty: all."""
    congested: bool = False
    """The network marks what the client gets of the dead server as congested (ECN)."""
    stamp: int | None = None
    """What the dead server's time stamps were at when the connection began; an even number."""
    strip_stamps: bool = False
    """After the death nothing that the client sends carries time stamps any more."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The taker's segments are those that reached the client after the death, without its probes."""

    right: bool
    """The client has the file, byte for byte."""
    took_s: float
    """From the claim's first probe to the last byte of the file."""
    next_s: float
    """After it: from a request of 1,600 bytes to its answer, on the same connection. -1: not asked."""
    end: str
    """How the connection ended for the client; empty: it did not."""
    served: bool
    """The taker is done with a connection that ends with the file: it knows that the client has all."""
    counted: int
    """Bytes that the client has got by the taker's count (sequence_origin), less those that were sent."""
    held_bytes: int
    """What the client held beyond the hole at the death."""
    biggest: int
    """Bytes of data in a segment of the taker's, at most."""
    stamped: int
    """The taker's segments with time stamps."""
    bare: int
    """Those without."""
    ticks_per_s: float
    """How fast the clock of the taker's time stamps runs."""
    window: int
    """What the taker advertised at least, in bytes, by the negotiated scale."""
    scales: tuple[int, int]
    """The client's and the dead server's in their SYNs; -1: none."""
    sack: bool
    """Both offered SACK."""
    congestion_control: str
    """Of the rebuilt connection, by its kernel; empty: it has ended."""
    blocks: int
    """SACK blocks that the client showed the taker."""
    ecn_capable: tuple[int, int]
    """Packets that said so: the dead server's, the taker's."""
    offered: int
    """The scale that the dead server offers, by its sysctls."""
    same_again: bool
    """The taker's own record of the connection has the same options."""


def run(case: Case) -> Outcome:
    """In namespaces of its own, which end with it."""
    env = {**os.environ, "CASE": json.dumps(asdict(case)), "CLIENT_ROUTE": case.client_route,
           "PYTHON": sys.executable, "RIG": str(Path(__file__).with_name("options_inside.py"))}
    done = subprocess.run(["unshare", "--net", "sh", "-ec", SCRIPT], capture_output=True, text=True,
                          timeout=90, check=False, env=env)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    return Outcome(**{name: tuple(one) if isinstance(one, list) else one for name, one in found.items()})
