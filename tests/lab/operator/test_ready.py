"""A server that says that it is ready is ready: what `check` finds, and mends; what is an alarm later.

One bare server. Clients that others wrote read its trees: Python's by HTTP and FTP, busybox's by TFTP.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from bareserver import Bare
from twinboot import daemons
from twinlab.host import wait
from twinlab.host.labsite import dump

TREES = "/srv/twinboot/trees"
TREE = f"{TREES}/rh9"
KERNEL = "images/pxeboot/vmlinuz"
FETCH = (
    "import sys, urllib.request as it; "
    "sys.stdout.write(it.urlopen(sys.argv[1], timeout=9).read().decode())"
)


@pytest.fixture(scope="module")
def bare(bare_machine: Bare) -> Bare:
    bare_machine.sh("scripts/down --force", check=False)
    bare_machine.sh(f"rm -rf config/secrets {TREES}/*; docker volume ls -q | xargs -r docker volume rm")
    bare_machine.write("config/site.yaml", bare_machine.site)
    bare_machine.sh(f"mkdir -p {TREE}/images/pxeboot {TREE}/Packages && cd {TREE} && "
                    f"for file in .treeinfo {KERNEL} images/pxeboot/initrd.img Packages/one.rpm; "
                    "do echo one >$file; done")  # fmt: skip
    return bare_machine


def fetched(bare: Bare, name: str) -> set[str]:
    """What the three daemons send for a path below the trees folder; a failure's last line in its place."""
    found = set()
    for scheme in ("http", "ftp"):
        url = f"{scheme}://127.0.0.1/trees/{name}"
        said = bare.sh(f"docker exec twinboot-sidecar-1 python3 -c '{FETCH}' {url}", check=False)
        found.add(said.out if said.ok else said.err.strip().splitlines()[-1])
    said = bare.sh(
        f"docker exec twinboot-tftp-1 busybox tftp -g -r trees/{name} -l - 127.0.0.1", check=False
    )
    found.add(said.out if said.ok else said.err.strip())
    return found


def alarms(bare: Bare) -> dict[str, str]:
    """The alarms of install trees, by subject."""
    said = bare.sh("scripts/twinboot status --json", check=False)
    status: dict[str, Any] = json.loads(said.out) if said.ok else {"alarms": []}
    return {one["subject"]: one["text"] for one in status["alarms"] if one["code"] == "tree-not-served"}


def started_at(bare: Bare) -> str:
    names = " ".join(f"twinboot-{one.name}-1" for one in daemons.DAEMONS if one.publishes)
    return bare.sh(f"docker inspect -f '{{{{.State.StartedAt}}}}' {names}").out


def unmount(bare: Bare) -> None:
    """A probe may read a file there just now: then it is busy."""
    wait.until(lambda: bare.sh(f"umount {TREE}", check=False).ok, "the end of the mount", timeout_s=20)


def faults(said: str) -> list[str]:
    return [line for line in said.splitlines() if line.startswith("FAULT")]


@pytest.fixture
def up(bare: Bare) -> Iterator[Bare]:
    """The stack runs, and all trees are served."""
    done = bare.up("server1")
    assert done.code == 0, done.out + done.err
    wait.until(lambda: fetched(bare, f"rh9/{KERNEL}") == {"one\n"}, "the daemons", timeout_s=60)
    yield bare
    bare.sh(f"chmod -R a+rX {TREES}")


@pytest.mark.long
def test_each_command_that_check_names_mends_what_it_names(bare: Bare) -> None:
    """A copy under umask 077, links, a password file and a key of a user: all in one run, then none."""
    bare.sh(f"cp -a {TREE} /srv/elsewhere && chmod 700 {TREE}/images {TREE}/Packages && "
            f"chmod 600 {TREE}/{KERNEL} {TREE}/Packages/one.rpm && "
            f"ln -s /srv/elsewhere/Packages {TREE}/More && ln -s {TREE}/Packages {TREE}/RPMS && "
            f"ln -s nothing {TREE}/gone")  # fmt: skip
    site = yaml.safe_load(bare.site)
    for profile in site["profiles"].values():
        profile["rootpw_file"] = "secrets/root.hash"
    bare.write("config/site.yaml", dump(site))
    bare.sh("mkdir -p config/secrets && printf 'ab01FAX.bQRSU\\n' >config/secrets/root.hash && "
            "head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \\n' >config/secrets/heartbeat.key && "
            "chmod 600 config/secrets/* && chown 1000:1000 config/secrets/heartbeat.key")  # fmt: skip
    refused = bare.up("server1")
    assert refused.code == 2
    found = faults(refused.out)
    assert bare.services == set()
    assert any("warning files: trees.rh9.path: 'rh9/gone'" in line for line in refused.out.splitlines())
    named = ("rh9/images'", f"rh9/{KERNEL}'", "rh9/More'", "rh9/RPMS'", "secrets/root.hash'", "heartbeat.key")
    for name in named:
        assert any(name in line for line in found), (name, found)
    assert len(found) == len(named), "one line each"

    bare.sh("echo '$6$saltsalt$'$(head -c 86 /dev/zero | tr '\\0' a) >config/secrets/root.hash")
    for line in found:
        if "root.hash" not in line:  # that command asks for a password
            bare.sh(line.rpartition(": ")[2])
    done = bare.up("server1")
    assert done.code == 0, done.out + done.err
    for name in ("More/one.rpm", "RPMS/one.rpm", KERNEL):
        wait.until(lambda name=name: fetched(bare, f"rh9/{name}") == {"one\n"}, name, timeout_s=60)  # type: ignore[misc]


def test_a_medium_that_is_mounted_later_is_seen_and_one_that_goes_is_an_alarm(up: Bare) -> None:
    """The engine of the lab's server is in a mount namespace that is shared, as systemd makes it."""
    assert up.sh("grep TREES_PROPAGATION= compose/.env").out == "TWINBOOT_TREES_PROPAGATION=rslave\n"
    before = started_at(up)
    up.sh(f"mkdir -p /medium && cp -a {TREE}/. /medium && echo two >/medium/{KERNEL} && "
          f"mount --bind /medium {TREE}")  # fmt: skip
    try:
        wait.until(lambda: fetched(up, f"rh9/{KERNEL}") == {"two\n"}, "what is mounted", timeout_s=10)
        assert alarms(up) == {}
    finally:
        unmount(up)
    wait.until(lambda: fetched(up, f"rh9/{KERNEL}") == {"one\n"}, "what lay below it", timeout_s=10)
    up.sh(f"mount -t tmpfs none {TREE}")
    try:
        wait.until(lambda: "server1/rh9" in alarms(up), "the alarm of an empty disk", timeout_s=30)
    finally:
        unmount(up)
    wait.until(lambda: alarms(up) == {}, "its end", timeout_s=30)
    assert started_at(up) == before, "no daemon was restarted"


@pytest.mark.long
def test_a_tree_that_is_closed_to_clients_is_an_alarm_with_its_place(up: Bare) -> None:
    before = started_at(up)
    up.sh(f"chmod 700 {TREE}/images")
    wait.until(lambda: "server1/rh9" in alarms(up), "the alarm", timeout_s=30)
    assert "rh9/images: mode 0700" in alarms(up)["server1/rh9"]
    assert "one\n" not in fetched(up, f"rh9/{KERNEL}")
    up.sh(f"chmod 755 {TREE}/images")
    wait.until(lambda: alarms(up) == {}, "its end", timeout_s=30)
    assert started_at(up) == before


@pytest.mark.long
def test_where_docker_passes_no_mount_on_check_says_so_and_a_restart_brings_it(up: Bare) -> None:
    up.sh("mount --make-rprivate /")
    try:
        done = up.up()
        assert done.code == 0, done.out + done.err
        assert "warning trees: what is mounted below" in done.out
        assert up.sh("grep TREES_PROPAGATION= compose/.env").out == "TWINBOOT_TREES_PROPAGATION=rprivate\n"
        up.sh(f"rm -rf /medium && mkdir -p /medium && cp -a {TREE}/. /medium && echo two >/medium/{KERNEL}")
        wait.until(lambda: fetched(up, f"rh9/{KERNEL}") == {"one\n"}, "the daemons", timeout_s=60)
        up.sh(f"mount --bind /medium {TREE}")
        assert fetched(up, f"rh9/{KERNEL}") == {"one\n"}, "it is not seen, as was said"
        up.sh("cd compose && docker compose restart")
        wait.until(lambda: fetched(up, f"rh9/{KERNEL}") == {"two\n"}, "what is mounted", timeout_s=90)
    finally:
        up.sh(f"umount {TREE}; mount --make-rshared /", check=False)
    back = up.up()
    assert back.code == 0, back.out + back.err
    assert "warning trees: what is mounted below" not in back.out
