"""What several lab tests need: resuming downloads and DHCP counting."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from twinlab import Lab
from twinlab.host import testlab
from twinlab.host.client import Client
from twinlab.host.server import SIDECAR_CONTAINER, Server

ODD, EVEN = 129, 128  # the hosts cli129 and cli128 of the examples
MACS = {129: "52:54:00:00:01:29", 128: "52:54:00:00:01:28"}

# An installer that does not give up: goes on where it stopped until the file is whole.
DOWNLOAD = """
until curl -sS -f -C - --connect-timeout 2 --speed-limit 1000 --speed-time 3 \\
    --limit-rate {rate} -o {file} {url}
do echo again; sleep 0.3; done
sha256sum {file}
"""


@contextmanager
def own_lab(name: str, **up: Any) -> Iterator[Lab]:
    """A lab for one module, where that changes more than healing mends, or needs another site. up: as
    Lab.up() has it. It is taken down in the end, and so is what an earlier run may have left."""
    made = Lab(testlab.name(name), lambda text: print(f"lab: {text}", flush=True))
    made.down()
    try:
        yield made.up(**up)
    finally:
        made.down()


def machines(server: Server) -> dict[str, dict[str, Any]]:
    """By name, as this server knows them; none while it does not answer."""
    said = server.sidecar("twinboot", "machines", "--json", check=False)
    return {one["name"]: one for one in json.loads(said.out)} if said.ok else {}


def agent_of(server: Server) -> str:
    """Process id, on the server, of the sidecar's agent."""
    pid = server.docker("inspect", "-f", "{{.State.Pid}}", SIDECAR_CONTAINER).out.strip()
    return server.exec("cat", f"/proc/{pid}/task/{pid}/children").out.split()[0]


def lan_address(lab: Lab, number: int) -> str:
    """The LAN's address of this number."""
    return str(lab.layout.lan.network_address + number)


def host(lab: Lab, number: int) -> AbstractContextManager[Client]:
    """A client at a host's own fixed address, with its hardware address."""
    return lab.machine(ip=lan_address(lab, number), mac=MACS[number])


@contextmanager
def nobody_twice(lab: Lab) -> Iterator[None]:
    """Within the block no address has two holders and no DISCOVER two answers, as in the fault matrix."""
    with lab.lan_recorder() as recorder:
        begun = time.time()
        yield
        time.sleep(1.0)  # the counter tells of a DISCOVER when its time is over
        report = recorder.report(begun)
        assert not any(report.doubles.values()), "a client saw two holders of one address"
        assert report.doubled_offers == (), "two DHCP servers answered one DISCOVER"
        assert max(report.gap.values()) < 60, report.gap


def download(client: Client, url: str, file: str, rate: str = "8M") -> Any:
    """Start a resuming download; its last line of output is the SHA-256."""
    return client.start("sh", "-c", DOWNLOAD.format(url=url, file=file, rate=rate))


def discover(lab: Lab, *options: str) -> dict[str, Any]:
    """One DISCOVER and all the OFFERs it got."""
    said = lab.client("/lab/discover.py", *options).out
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


def rounds(lines: Sequence[str]) -> list[dict[str, Any]]:
    """The JSON lines of a running discover.py."""
    return [json.loads(line) for line in lines if line.startswith("{")]


def hex_address(address: str) -> str:
    """192.168.0.128 -> C0A80080, the name of its boot file."""
    return "".join(f"{int(part):02X}" for part in address.split("."))
