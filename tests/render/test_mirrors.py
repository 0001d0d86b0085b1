"""Package repositories at several addresses: found in the trees, listed for the installer, tried in order."""

from __future__ import annotations

from pathlib import Path

import pytest
from rendering import rendered, site, sources, with_profile
from twinboot.render.files import Rendered
from twinboot.render.generations import repositories_of

FIRST, SECOND = "192.168.0.253", "192.168.0.254"
RHEL9 = """
[header]
type = productmd.treeinfo
version = 1.2
[release]
name = Red Hat Enterprise Linux
[general]
repository = AppStream
variants = AppStream,BaseOS
[variant-AppStream]
repository = AppStream
type = variant
[variant-BaseOS]
repository = BaseOS
type = variant
[variant-BaseOS-extra]
repository = extra
type = addon
"""
TWO = {"rh9": ("rh9/BaseOS", "rh9/AppStream")}


def tree(trees: Path, text: str | None, *repos: str) -> None:
    (trees / "rh9").mkdir(parents=True)
    if text is not None:
        (trees / "rh9/.treeinfo").write_text(text)
    for repo in repos:
        (trees / repo / "repodata").mkdir(parents=True)
        (trees / repo / "repodata/repomd.xml").touch()


@pytest.mark.parametrize(("text", "repos", "found"), [
    (RHEL9, ["rh9/AppStream", "rh9/BaseOS"], ("rh9/BaseOS", "rh9/AppStream")),
    (RHEL9, ["rh9/BaseOS"], ()),
    (RHEL9.replace("= App", "= ../App"), ["AppStream", "rh9/BaseOS"], ("rh9/BaseOS", "AppStream")),
    (RHEL9.replace("= App", "= ../../App"), ["../AppStream", "rh9/BaseOS"], ()),
    ("[general]\nrepository = .\n", ["rh9"], ("rh9",)),
    ("[general]\nrepository =\n", ["rh9"], ("rh9",)),
    ("[variant-Server]\ntype = variant\nrepository = .\n", ["rh9"], ("rh9",)),
    ("[general]\nname = none\n", ["rh9"], ()),
    ("[general]\nrepository = .\n", [], ()),
    ("no file of this kind", ["rh9"], ()),
    (None, ["rh9"], ()),
])
def test_a_tree_says_itself_which_repositories_it_has(
    tmp_path: Path, text: str | None, repos: list[str], found: tuple[str, ...]
) -> None:
    tree(tmp_path / "trees", text, *repos)
    assert repositories_of(site(), tmp_path / "trees") == {"rh9": found}


def arguments(files: Rendered, name: str = "C0A80080") -> list[str]:
    text = files.pub[f"tftp/pxelinux.cfg/{name}"]
    [line] = [line for line in text.splitlines() if line.strip().startswith("APPEND")]
    return line.split()


@pytest.mark.parametrize("version", ["RHEL7", "RHEL8", "RHEL9", "RHEL10", "F38", "F45"])
@pytest.mark.parametrize("method", ["ftp", "http"])
def test_each_repository_is_named_by_a_list_of_both_addresses(version: str, method: str) -> None:
    files = rendered(with_profile(version=version, method=method), repositories=TWO)
    lists = [f"ks/mirrors/rh9-{method}-{SECOND}-rh9-{name}" for name in ("BaseOS", "AppStream")]
    text = files.pub["ks/cli128.ks"]
    assert f'url --mirrorlist="{method}://{SECOND}/{lists[0]}"\n' in text
    assert f'repo --name="AppStream" --mirrorlist="{method}://{SECOND}/{lists[1]}"\n' in text
    assert "--url" not in text
    assert files.pub[lists[1]] == "".join(
        f"{method}://{vip}/trees/rh9/AppStream/\n" for vip in (SECOND, FIRST))
    there = sources(files.pub[f"ks/{FIRST}/cli128.ks"])
    assert f'url --mirrorlist="{method}://{FIRST}/ks/mirrors/rh9-{method}-{FIRST}-rh9-BaseOS"' in there
    assert SECOND not in there, "a list is at one address, and the other may be dead"
    assert not [one for one in arguments(files) if one.startswith("inst.repo")], "it would be taken instead"
    assert f"inst.stage2={method}://{SECOND}/trees/rh9/" in arguments(files)


@pytest.mark.parametrize("change", [{"mirror": False}, {"version": "RHEL6"}])
def test_an_installer_that_gets_one_address_finds_the_repositories_itself(change: dict[str, object]) -> None:
    files = rendered(with_profile(**change), repositories=TWO)
    assert f'url --url="ftp://{SECOND}/trees/rh9/"\n' in files.pub["ks/cli128.ks"]
    assert [one for one in arguments(files) if "repo=" in one] != []
    assert not [path for path in files.pub if "mirrors" in path]


def test_with_dns_the_one_name_has_all_addresses() -> None:
    files = rendered(site("dns"), repositories=TWO)
    assert not [path for path in files.pub if "mirrors" in path]


def test_repositories_of_equal_names_are_left_to_the_installer() -> None:
    files = rendered(with_profile(), repositories={"rh9": ("rh9/a/os", "rh9/b/os")})
    assert "url --url=" in files.pub["ks/cli128.ks"]
