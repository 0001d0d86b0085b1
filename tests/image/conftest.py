"""The place of the contract tests: a private network, a rendered site, a tree, and clients."""

from __future__ import annotations

import itertools
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from imagestack import (
    PORT_FLOOR,
    ROOT,
    Container,
    Place,
    Start,
    arguments,
    compose_model,
    docker,
    mounts_of,
    private_network,
    remove,
)
from twinboot.adapters.steer_links import INSTALL, SteerLinks, Way
from twinboot.render import render, write
from twinboot.site import loads
from twinlab.host.images import CLIENT_IMAGE, build_test_image

SERVER, VIP = 251, 253


@pytest.fixture(scope="session")
def model(images: dict[str, str]) -> dict[str, Any]:
    """The compose services, their images built."""
    services: dict[str, Any] = compose_model()["services"]
    return services


@pytest.fixture(scope="session")
def client_image(images: dict[str, str]) -> str:
    """Clients that others wrote."""
    build_test_image(CLIENT_IMAGE, print, again=True)
    return CLIENT_IMAGE


def fill(root: Path, subnet: str) -> tuple[Path, Path, Path]:
    """The example site moved into the subnet, rendered for server1, and a small tree."""
    text = (ROOT / "config/examples/parity.yaml").read_text().replace("192.168.0.", f"{subnet}.")
    etc, pub, trees = root / "etc", root / "pub", root / "trees"
    for folder in (etc, pub, trees / "rh9/Packages"):
        folder.mkdir(parents=True)
    (root / "site.yaml").write_text(text)
    site = loads(text)
    write(render(site, "server1"), etc, pub)
    SteerLinks(pub / "steer").set(dict.fromkeys(site.hosts, Way(INSTALL)))
    (trees / "rh9/Packages/big.bin").write_bytes(os.urandom(3_000_000))
    (trees / "rh9/.treeinfo").write_text("[general]\nname = test\n")
    subprocess.run(("chmod", "-R", "a+rX", str(root)), check=True)
    return etc, pub, trees


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """A network and rendered files of their own; every container with its prefix goes at the end."""
    prefix = f"imgtest-{os.getpid()}-{next(_numbers)}"
    with tempfile.TemporaryDirectory(prefix=f"{prefix}-") as folder:
        Path(folder).chmod(0o755)
        network, subnet = private_network(prefix)
        try:
            etc, pub, trees = fill(Path(folder), subnet)
            yield Place(prefix, network, subnet, etc, pub, trees)
        finally:
            remove(prefix)
            docker("network", "rm", network, check=False)


_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def start(place: Place, model: dict[str, Any]) -> Start:
    """start(service, ip= | inside=, mounts=, options=, command=) -> Container, hardened as compose says."""

    def run(
        service: str,
        *,
        ip: int | None = None,
        inside: Container | None = None,
        mounts: list[str] | None = None,
        options: tuple[str, ...] = (),
        command: tuple[str, ...] = (),
    ) -> Container:
        name = f"{place.prefix}-{service}-{next(_numbers)}"
        if mounts is None:
            mounts = mounts_of(service, place, f"{name}-leases")
        spec = model[service]
        settings = arguments(spec, mounts, floor=inside is None)
        if inside is not None:
            where: tuple[str, ...] = ("--network", f"container:{inside.name}")
        else:
            where = ("--network", place.network, *(("--ip", place.address(ip)) if ip else ()))
        docker("run", "-d", "--name", name, *where, *settings, *options, spec["image"], *command)
        return Container(name)

    return run


@pytest.fixture(scope="module")
def with_address(place: Place, client_image: str) -> Callable[..., Container]:
    """with_address(*last) -> a bare container whose eth0 holds these addresses beside its own."""

    def make(*last: int) -> Container:
        name = f"{place.prefix}-namespace-{next(_numbers)}"
        where = ("--network", place.network, "--sysctl", PORT_FLOOR, "--cap-add", "NET_ADMIN")
        docker("run", "-d", "--name", name, *where, client_image)
        holder = Container(name)
        for octet in last:
            holder.exec("ip", "address", "add", f"{place.address(octet)}/32", "dev", "eth0")
        return holder

    return make


@pytest.fixture(scope="module")
def client(place: Place, client_image: str) -> Container:
    """A machine on the network with real clients."""
    name = f"{place.prefix}-client"
    docker(
        "run", "-d", "--name", name, "--network", place.network,
        "--cap-add", "NET_ADMIN", "--cap-add", "NET_RAW", client_image,
    )  # fmt: skip
    return Container(name)


@pytest.fixture(scope="module")
def launch(start: Start, with_address: Callable[..., Container]) -> Start:
    """launch(service, **) -> Container: like start, where the daemon finds the addresses it needs."""
    needs = {"dhcpd": (VIP,), "bind": (SERVER,)}

    def run(service: str, **more: Any) -> Container:
        return start(service, inside=with_address(*needs.get(service, ())), **more)

    return run
