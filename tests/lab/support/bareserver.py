"""One bare server: the lab's machine image with an engine, the service images, and a copy of the project.

Nothing of Twinboot is set up on it; a test types what an operator would.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from twinlab.host import build, images, wait
from twinlab.host.engine import Result, docker
from twinlab.host.labsite import DEFAULT_SITE, dump, read
from twinlab.host.layout import LABEL, Layout

ROOT = Path(__file__).parents[3]
HOME = "/root/twinboot"


class Bare:
    """A server with an engine and a copy of the project."""

    def __init__(self, name: str, layout: Layout, site: str) -> None:
        self.container, self.site, self.layout = f"{name}-server1", site, layout

    def sh(self, script: str, *, check: bool = True) -> Result:
        return docker("exec", "-w", HOME, self.container, "sh", "-c", script, check=check, timeout_s=180)

    def up(self, *words: str, apply: bool = False) -> Result:
        """apply: an edited site file is applied."""
        return self.sh(f"{'APPLY=1 ' if apply else ''}scripts/up {' '.join(words)}", check=False)

    def write(self, path: str, text: str) -> None:
        docker("exec", "-i", self.container, "sh", "-c", f"cat > {HOME}/{path}", stdin=text.encode())

    @property
    def services(self) -> set[str]:
        said = self.sh("docker ps -a --format '{{.Names}}'")
        return set(said.out.split())


def project() -> bytes:
    """What git has of this checkout, as a tar."""
    names = subprocess.run(
        ("git", "ls-files", "-z", "compose", "config", "images/versions.env", "scripts", "Makefile"),
        cwd=ROOT, capture_output=True, check=True,
    ).stdout.decode().split("\0")  # fmt: skip
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in filter(None, names):
            archive.add(ROOT / name, f"root/twinboot/{name}")
        ours = tarfile.TarInfo("root/twinboot/images/versions.env")  # the images are those of this checkout
        versions = (ROOT / ours.name.removeprefix("root/twinboot/")).read_bytes()
        versions += f"TWINBOOT_VERSION={images.VERSION}\n".encode()
        ours.size = len(versions)
        archive.addfile(ours, io.BytesIO(versions))
        done = tarfile.TarInfo("opt/twinboot/installed")  # the lab's own start has nothing to set up
        archive.addfile(done, io.BytesIO())
        for folder in ("opt/twinboot/compose", "srv/twinboot/trees"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
    return buffer.getvalue()


@contextmanager
def bare_server(name: str) -> Iterator[Bare]:
    """The lab of this name holds server1 alone; it goes at the end."""
    images.ensure(print)
    store = images.store(print)
    example = read(DEFAULT_SITE)
    build.remove(name)
    layout = build.networks(name, example, default=False)
    site = build.moved_site(example, layout)
    address = str(site["servers"]["server1"]["address"])
    cable = str(site["servers"]["server1"]["links"]["crossover"]["address"])
    made = Bare(name, layout, dump(site))
    try:
        docker(
            "create", "--name", made.container, "--hostname", "server1", "--privileged", "--tmpfs", "/run",
            "--label", f"{LABEL}={name}", "--network", layout.lan_network, "--ip", address,
            "--env", f"LAN_ADDRESS={address}", "--env", f"CROSSOVER_ADDRESS={cable}",
            "--volume", f"{store}:/store:ro", images.SERVER_IMAGE,
        )  # fmt: skip
        docker("network", "connect", "--ip", cable, layout.crossover_network, made.container)
        docker("cp", "-", f"{made.container}:/", stdin=project())
        docker("start", made.container)
        ready = ("exec", made.container, "test", "-e", "/run/lab-ready")
        wait.until(lambda: docker(*ready, check=False).ok, "the engine", timeout_s=60)
        yield made
    finally:
        build.remove(name)
