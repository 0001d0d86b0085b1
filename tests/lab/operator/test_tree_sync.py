"""A tree that was imported on one server comes to the other, through power-offs and kills, and goes again."""

from __future__ import annotations

import random
from typing import Any

import pytest
from treehelp import (
    MEDIUM,
    OWN,
    TREE_SYNC,
    TREES,
    contents,
    import_medium,
    lay,
    make_medium,
    own_trees,
    trees,
    word,
)
from twinboot import daemons
from twinlab import Lab
from twinlab.host.server import Server
from twinlab.host.wait import until

KILLS = 50
KERNEL, INITRD = "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"
MB = 100
"""Five seconds at the rate of the lab's site (conftest.py)."""


def copy_of(lab: Lab, tree: str, server: str, *, seen_by: int) -> dict[str, Any] | None:
    view = lab.status()[lab.server(seen_by).name]
    found: dict[str, Any] | None = None if view is None else view["tree_copies"].get(server, {}).get(tree)
    return found


def runs(server: Server) -> bool:
    """All that sees the trees folder."""
    if server.power != "running" or not server.booted():
        return False
    states = server.containers()
    publishing = (one.name for one in daemons.DAEMONS if one.publishes)
    return all(states.get(name) == "running" for name in (*publishing, "sidecar", "takeover", "tree-sync"))


def alarms(lab: Lab, which: int, *codes: str) -> set[str]:
    view = lab.status()[lab.server(which).name]
    assert view is not None
    return {one["subject"] for one in view["alarms"] if one["code"] in codes}


def test_a_power_off_of_the_source_in_the_middle_ends_in_the_same_tree(lab: Lab) -> None:
    one, two = lab.server(1), lab.server(2)
    with own_trees(lab):
        make_medium(one, MB)
        import_medium(one, "new")

        def some() -> dict[str, Any] | None:
            found = copy_of(lab, "new", two.name, seen_by=2)
            return found if found is not None and found["done"] > MB * 200_000 else None

        begun = until(some, "a fifth to have come", timeout_s=60)
        assert begun["from"] == one.name
        assert begun["size"] > MB * 1_000_000
        with lab.fault("power-off", 1):
            assert not two.exec("test", "-e", f"{TREES}/new", check=False).ok, "never half a tree"
            until(lambda: word(lab, "new", two.name, seen_by=2) == "unfinished", "that to be told",
                  timeout_s=60)  # fmt: skip
            assert two.exec("ls", f"{TREES}/.twinboot/new.fetching").out.split(), "it goes on from there"
        # its services are to start with the shared folder, or they would not see that one again
        until(lambda: runs(one), "the server to be back", timeout_s=120)
        lay(one)
        until(lambda: word(lab, "new", two.name, seen_by=2) == "as imported" or
              word(lab, "new", two.name, seen_by=1) == "same", "the rest to come", timeout_s=120)  # fmt: skip
        assert contents(two, "new") == contents(one, "new") != ""
        assert alarms(lab, 2, "tree-not-fetched", "tree-differs", "tree-altered") == set()
        until(lambda: lab.owners() == {"first": ["server1"], "second": ["server2"]},
              "the groups to be back", timeout_s=120)  # fmt: skip


@pytest.mark.long
def test_kills_at_random_moments_leave_no_half_tree_and_lose_none(lab: Lab) -> None:
    one, two = lab.server(1), lab.server(2)
    chance, ended = random.Random(2008), 0
    with own_trees(lab):
        make_medium(one, MB)
        import_medium(one, "t")
        right = contents(one, "t")
        for _ in range(KILLS):
            two.exec("sleep", f"{chance.uniform(0.3, 4.0):.2f}")
            two.docker("kill", "-s", "KILL", TREE_SYNC, check=False)
            if two.exec("test", "-e", f"{TREES}/t", check=False).ok:
                assert contents(two, "t") == right
                ended += 1
                two.exec("rm", "-rf", f"{TREES}/t")
            two.docker("start", TREE_SYNC)
        until(lambda: contents(two, "t") == right, "the tree to come at last", timeout_s=120)
        until(lambda: word(lab, "t", two.name) == "same", "that to be told", timeout_s=30)
        left = two.exec("ls", f"{TREES}/.twinboot").out.split()
        assert not [name for name in left if name.startswith("t.")]
    assert 0 < ended < KILLS


@pytest.mark.long
def test_a_newer_one_follows_and_what_is_removed_stays_away(lab: Lab) -> None:
    one, two = lab.server(1), lab.server(2)
    with own_trees(lab):
        make_medium(one, 20)
        import_medium(one, "t")
        until(lambda: word(lab, "t", two.name) == "same", "the tree to come", timeout_s=60)
        first = contents(two, "t")
        make_medium(one, 20)
        import_medium(one, "t", "--replace")
        until(lambda: contents(two, "t") not in ("", first), "the newer one to come", timeout_s=60)
        assert contents(two, "t") == contents(one, "t")

        trees(two, "trees", "remove", "t", "--yes")
        until(lambda: word(lab, "t", two.name, seen_by=2) == "removed", "that to be told", timeout_s=30)
        two.exec("sleep", "10")  # silence is what is tested: it does not come back, nor does the other's go
        assert contents(two, "t") == ""
        assert contents(one, "t") != ""
        trees(two, "trees", "fetch", "t")
        until(lambda: contents(two, "t") == contents(one, "t"), "it to come again", timeout_s=60)

        until(lambda: word(lab, "t", two.name) == "same", "that to be told", timeout_s=30)
        trees(one, "trees", "remove", "t", "--everywhere", "--yes")
        until(lambda: contents(two, "t") == "", "it to go on the other, too", timeout_s=60)
        import_medium(one, "t")
        until(lambda: contents(two, "t") == contents(one, "t"), "a new import to come", timeout_s=60)


@pytest.mark.long
def test_a_file_that_rots_is_named_until_it_is_right_again(lab: Lab) -> None:
    one, two = lab.server(1), lab.server(2)
    rot = (
        "f={0}; t=$(stat -c %y $f); printf {1} | dd of=$f conv=notrunc status=none; touch -d \"$t\" $f"
    )
    with own_trees(lab):
        make_medium(one, 20)
        import_medium(one, "t")
        until(lambda: word(lab, "t", two.name) == "same", "the tree to come", timeout_s=60)
        place = f"{TREES}/t/boot/kernel"
        byte = two.exec("sh", "-c", f"head -c 1 {place} | od -An -to1 | tr -d ' '").out.strip()
        two.exec("sh", "-c", rot.format(place, "X"))
        found = {f"{two.name}/t"}
        until(lambda: alarms(lab, 2, "tree-altered") == found, "the file to be found", timeout_s=90)
        view = lab.status()[two.name]
        assert view is not None
        assert any("boot/kernel" in one["text"] for one in view["alarms"] if one["code"] == "tree-altered")
        assert word(lab, "t", two.name) == "altered"
        two.exec("sh", "-c", rot.format(place, f"'\\{byte}'"))
        until(lambda: not alarms(lab, 2, "tree-altered"), "the alarm to end", timeout_s=60)


@pytest.mark.long
def test_a_server_takes_its_group_back_when_its_trees_have_come(lab: Lab) -> None:
    one, two = lab.server(1), lab.server(2)
    seen: list[tuple[list[str], str]] = []
    with own_trees(lab):
        for server in (one, two):
            server.exec("rm", "-rf", f"{OWN}/rh9")
        make_medium(one, 400)
        one.exec("sh", "-ec", f"cd {MEDIUM}; mkdir -p images/pxeboot; cp boot/kernel images/pxeboot/vmlinuz; "
                 "cp boot/kernel images/pxeboot/initrd.img")  # fmt: skip
        trees(one, "import", "/mnt/medium", "--name", "rh9", "--kernel", KERNEL, "--initrd", INITRD)
        missed = {f"{two.name}/rh9"}
        until(lambda: alarms(lab, 2, "tree-not-served") == missed, "it to be missed", timeout_s=30)
        two.sidecar("twinboot", "standby", "--force")
        two.docker("exec", "-d", "twinboot-sidecar-1", "twinboot", "resume")

        def back() -> bool:
            seen.append((lab.owners().get("second", []), word(lab, "rh9", two.name)))
            return seen[-1][0] == [two.name]

        until(back, "the group to be given back", timeout_s=120)
        assert ([one.name], "copying") in seen
        assert not [row for row in seen if row[0] == [two.name] and row[1] in ("missing", "copying")]
        assert contents(two, "rh9") == contents(one, "rh9")
