"""A lab's server as an operator has it: with the project's scripts too, and this checkout's images."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from twinlab.host import images
from twinlab.host.engine import Result, docker
from twinlab.host.server import COMPOSE_DIR, Server

ROOT = Path(__file__).parents[3]
PROJECT = str(Path(COMPOSE_DIR).parent)


def put_project(server: Server) -> None:
    """Beside what the lab has put there."""
    names = subprocess.run(
        ("git", "ls-files", "-z", "compose", "scripts", "Makefile"), cwd=ROOT, capture_output=True, check=True
    ).stdout.decode().split("\0")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in filter(None, names):
            if (ROOT / name).is_file():
                archive.add(ROOT / name, name)
        ours = tarfile.TarInfo("images/versions.env")
        versions = (ROOT / ours.name).read_bytes() + f"TWINBOOT_VERSION={images.VERSION}\n".encode()
        ours.size = len(versions)
        archive.addfile(ours, io.BytesIO(versions))
    docker("cp", "-", f"{server.container}:{PROJECT}", stdin=buffer.getvalue())


def type_in(server: Server, line: str, *, timeout_s: float = 300) -> Result:
    """What an operator types in the project's folder."""
    return docker("exec", "-w", PROJECT, server.container, "sh", "-c", line, check=False, timeout_s=timeout_s)


def wipe(server: Server) -> None:
    """As a machine that was set up anew: no container, no volume, no site, no secret, no setting."""
    server.compose("down", "--volumes", "--remove-orphans")
    assert server.docker("volume", "ls", "-q").out.strip() == ""
    type_in(server, "rm -rf compose/.env config/site.yaml config/secrets config/site.yaml.before*")
