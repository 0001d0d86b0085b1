"""A running DHCP server with a rendered configuration, on a network of its own, and a client that asks it.

How it is started is each engine's own, and stands here alone: STARTS. What the client asks and hears is not.
"""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bootfacts import FACTS
from rendering import TEMPLATES
from twinboot import dhcp
from twinboot.render import render, write
from twinboot.site import Site

CURRENT = "/etc/twinboot/current"
STARTS = {"isc": f"dhcpd -4 -d --no-pid -cf {CURRENT}/dhcpd/dhcpd.conf -lf {{leases}} eth0"}
"""By engine, the command of its image that serves on eth0, in the foreground, with an existing lease file."""


def docker(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        ["docker", *arguments], capture_output=True, text=True, timeout=120, check=False, **options
    )


@contextmanager
def dhcpd_of(site: Site, image: str, directory: Path) -> Iterator[str]:
    """A network with the site's DHCP server on the address of its first group. Gives their name."""
    directory.chmod(0o755)
    write(render(site, "server1", templates=TEMPLATES, boot=FACTS), directory / "etc", directory / "pub")
    name = f"twinboot-render-{uuid.uuid4().hex[:8]}"
    start = STARTS[dhcp.engine_of(site).name].format(leases="/tmp/leases")
    network, holder = site.subnets[0].network, next(iter(site.groups.values())).address
    made = docker("network", "create", "--subnet", str(network), "--gateway", str(network[1]), name)
    assert made.returncode == 0, made.stderr
    try:
        ran = docker(
            *("run", "--detach", "--name", name, "--network", name, "--ip", str(holder)),
            *("--entrypoint", "sh", "--volume", f"{directory}/etc:/etc/twinboot:ro", image),
            *("-c", f"touch /tmp/leases; exec {start}"),
        )
        assert ran.returncode == 0, ran.stderr
        yield name
    finally:
        docker("rm", "--force", name)
        docker("network", "rm", name)


def offers(name: str, client_address: str, image: str, lines: Sequence[str]) -> list[dict[str, Any]]:
    """What is offered to who asks so, as discover.py reads its lines. image: one with Python."""
    script = Path(__file__).with_name("discover.py")
    asked = docker(
        *("run", "--rm", "--interactive", "--network", name, "--ip", client_address, "--cap-add", "NET_RAW"),
        *("--user", "0", "--volume", f"{script}:/discover.py:ro", "--entrypoint", "python3"),
        *(image, "/discover.py"),
        input="".join(f"{line}\n" for line in lines),
    )
    assert asked.returncode == 0, asked.stderr + docker("logs", name).stderr
    found = [json.loads(line) for line in asked.stdout.splitlines()]
    assert len(found) == len(lines)
    return found
