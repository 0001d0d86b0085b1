"""Where answers are published that hold secrets, and how they are asked for."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from rendering import SECRETS, rendered, site, with_profile
from twinboot.commands import show
from twinboot.planning.plan import SitePlan
from twinboot.render import write
from twinboot.site import Site

WITH_HASH: dict[str, Any] = {"rootpw_file": "secrets/root.hash"}
A_USER: dict[str, Any] = {"users": [{"name": "ann", "password_file": "secrets/root.hash"}]}


def answers(of: Site) -> dict[str, str]:
    return {path: text for path, text in rendered(of).pub.items() if path.endswith(".ks")}


@pytest.mark.parametrize("values", [WITH_HASH, A_USER], ids=["root", "user"])
def test_answers_with_a_hash_are_for_their_own_addresses_alone(values: dict[str, Any]) -> None:
    found = answers(with_profile(**values))
    assert found
    assert all(path.startswith("private/") for path in found)
    assert "private/192.168.0.129/ks/cli129.ks" in found
    assert "private/192.168.0.129/ks/192.168.0.254/cli129.ks" in found, "of its mirror as well"
    assert "private/192.168.0.128/ks/cli129.ks" not in found
    readers = {path.split("/")[1] for path in found if path.endswith("/rh9-first.ks")}
    assert readers == {f"192.168.0.{last}" for last in range(160, 200)}, "any unknown machine, by its mirrors"


def test_they_are_asked_for_by_http_and_the_tree_as_before() -> None:
    boot = rendered(with_profile(**WITH_HASH)).pub["tftp/pxelinux.cfg/host.cli129"]
    assert "inst.ks=http://192.168.0.253/ks/cli129.ks inst.ks=http://192.168.0.254/" in boot
    assert "inst.repo=ftp://192.168.0.253/trees/rh9/" in boot


def test_the_site_says_otherwise() -> None:
    assert "ks/cli129.ks" in answers(with_profile(**WITH_HASH, private=False)), "it accepts that"
    closed = answers(with_profile(private=True))
    assert all(path.startswith("private/") for path in closed), "a template with secrets of its own, say"
    assert "ks/cli129.ks" in answers(site())


def test_only_the_http_service_may_look_into_the_folder(tmp_path: Path) -> None:
    write(rendered(with_profile(**WITH_HASH)), tmp_path / "etc", tmp_path / "pub")
    folder = tmp_path / "pub/current/private"
    found = folder.stat()
    assert (folder / "192.168.0.129/ks/cli129.ks").is_file()
    if os.geteuid() == 0:
        assert (found.st_gid, stat.S_IMODE(found.st_mode)) == (33, 0o750)


def test_show_says_so_and_prints_them() -> None:
    of = with_profile(**WITH_HASH)
    plan, published = SitePlan(of), rendered(of).pub
    for name, file in (("cli129", "ks/cli129.ks"), ("192.168.0.168", "ks/rh9-second.ks")):
        title, _, view = show.found(plan, name, published)
        assert view.facts["answers"] == "to this machine alone, by HTTP"
        assert SECRETS["secrets/root.hash"].strip() in show.file_of(view, title, file)
