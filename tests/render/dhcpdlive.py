"""A running dhcpd with a rendered configuration, on a network of its own, and a client that asks it."""

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
from twinboot.render import render, write
from twinboot.site import Site


def docker(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        ["docker", *arguments], capture_output=True, text=True, timeout=120, check=False, **options
    )


@contextmanager
def dhcpd_of(site: Site, image: str, directory: Path) -> Iterator[str]:
    """A network with dhcpd on the address of the site's first group. Gives their name."""
    directory.chmod(0o755)
    write(render(site, "server1", templates=TEMPLATES, boot=FACTS), directory / "etc", directory / "pub")
    name = f"twinboot-render-{uuid.uuid4().hex[:8]}"
    start = "touch /tmp/leases; exec dhcpd -4 -d --no-pid -cf /etc/twinboot/current/dhcpd/dhcpd.conf"
    network, holder = site.subnets[0].network, next(iter(site.groups.values())).address
    made = docker("network", "create", "--subnet", str(network), "--gateway", str(network[1]), name)
    assert made.returncode == 0, made.stderr
    try:
        ran = docker(
            *("run", "--detach", "--name", name, "--network", name, "--ip", str(holder)),
            *("--entrypoint", "sh", "--volume", f"{directory}/etc:/etc/twinboot:ro", image),
            *("-c", f"{start} -lf /tmp/leases eth0"),
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
