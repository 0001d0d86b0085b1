"""Trees folders of their own for the lab's servers, which else share one that nobody may write.

A folder of the server's own disk, which outlives a power-off, is mounted over the shared one; services that
run see it (rslave).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from twinlab import Lab
from twinlab.host.engine import Result
from twinlab.host.server import COMPOSE_DIR, Server

TREES = "/srv/twinboot/trees"
OWN = "/srv/own-trees"
MEDIUM = "/srv/medium"
TREE_SYNC = "twinboot-tree-sync-1"
_LISTED = (
    "cd {folder} && find . -type f -printf '%P %s %T@ ' -exec sha256sum {{}} \\; | sed 's,  [.]/.*,,' | sort"
)


def lay(server: Server) -> None:
    """Its own folder, with what the shared one has, where it is not laid already."""
    server.exec("sh", "-ec", f"[ -d {OWN} ] || cp -a {TREES} {OWN}; mountpoint -q {TREES} && "
                f"[ -e {TREES}/.own ] || mount --bind {OWN} {TREES}; touch {OWN}/.own")  # fmt: skip


def lift(server: Server) -> None:
    """The shared folder again. A process that was started meanwhile has its own one for its mount: anew."""
    unmount = f"while [ -e {TREES}/.own ]; do umount -l {TREES} || break; done"
    server.exec("sh", "-c", f"{unmount}; rm -rf {OWN} {MEDIUM}", check=False)
    server.docker("restart", "-t", "2", TREE_SYNC, check=False)


@contextmanager
def own_trees(lab: Lab) -> Iterator[None]:
    """On all servers."""
    for server in lab.servers.values():
        lift(server)
        lay(server)
    try:
        yield
    finally:
        for server in lab.servers.values():
            if server.power == "running":
                lift(server)


def make_medium(server: Server, megabytes: int) -> None:
    """A folder with a kernel, some small files, and so many MB of big ones: another one each time."""
    server.exec("sh", "-ec", f"""
        rm -rf {MEDIUM}; mkdir -p {MEDIUM}/boot '{MEDIUM}/packages a'; cd {MEDIUM}
        head -c {megabytes}000000 /dev/urandom | split -b 10000000 - big-
        head -c 100000 big-aa >boot/kernel
        for n in $(seq 100); do head -c $((n * 100)) big-aa >"packages a/$n.rpm"; done
        find . -exec touch -d '2024-05-06 10:00:00' {{}} +
    """, timeout_s=120)


def trees(server: Server, *words: str, check: bool = True) -> Result:
    """`scripts/twinboot import|trees WORDS` on the server."""
    return server.exec(
        "env", "-C", COMPOSE_DIR, "docker", "compose", "run", "--rm", "--no-deps", "-T", "-v",
        f"{MEDIUM}:/mnt/medium", "trees", *words, check=check, timeout_s=300,
    )  # fmt: skip


def import_medium(server: Server, name: str, *words: str) -> None:
    trees(server, "import", "/mnt/medium", "--kernel", "boot/kernel", "--name", name, *words)


def contents(server: Server, name: str) -> str:
    """A digest of all names, sizes, times and contents of a tree; empty: it is not there."""
    said = server.exec("sh", "-c", _LISTED.format(folder=f"{TREES}/{name}"), check=False)
    return hashlib.sha256(said.out.encode()).hexdigest() if said.ok else ""


def word(lab: Lab, tree: str, server: str, *, seen_by: int = 1) -> str:
    """What status says of a tree on a server."""
    view = lab.status()[lab.server(seen_by).name]
    found: str = "" if view is None else view["trees"].get(tree, {}).get(server, "")
    return found
