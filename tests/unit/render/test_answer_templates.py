"""Templates of an operator's own: variables, snippets, and what `check` says of them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from twinboot.render import render
from twinboot.render.disk_checks import check_files
from twinboot.site import Site, parse

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / "config" / "templates"
GOOD: dict[str, Any] = yaml.safe_load((ROOT / "config/examples/parity.yaml").read_text())


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    top = tmp_path / "trees" / "rh9"
    for name in (".treeinfo", *("images/pxeboot/vmlinuz", "images/pxeboot/initrd.img")):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text("[general]\n")
    return tmp_path / "trees"


def site_of(**sections: Any) -> Site:
    changed = copy.deepcopy(GOOD)
    changed["profiles"]["rh9"]["template"] = "mine.ks.j2"
    changed["profiles"]["rh9"].update(sections.pop("profile", {}))
    for host, values in sections.pop("hosts", {}).items():
        changed["hosts"][host].update(values)
    return parse({**changed, **sections})


def templates(tmp_path: Path, **texts: str) -> tuple[Path, Path]:
    for name, text in texts.items():
        path = tmp_path / "own" / f"{name.replace('__', '/')}.j2"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "own", SHIPPED


def own(tmp_path: Path, text: str, **snippets: str) -> tuple[Path, Path]:
    (tmp_path / "own/kickstart").mkdir(parents=True)
    (tmp_path / "own/kickstart/mine.ks.j2").write_text(text)
    return templates(tmp_path, **snippets)


def filled(of: Site, places: tuple[Path, ...]) -> dict[str, str]:
    files = render(of, next(iter(of.servers)), templates=places, secrets={}).pub
    return {name[3:]: text for name, text in files.items() if name.startswith("ks/")}


def test_a_hosts_variables_come_before_the_profiles_and_those_before_the_sites(tmp_path: Path) -> None:
    of = site_of(
        vars={"rack": "none", "where": "hall 1", "ports": [80, 443]}, profile={"vars": {"rack": "any"}},
        hosts={"cli128": {"vars": {"rack": "r7"}}},
    )  # fmt: skip
    said = "{{ vars.rack }} {{ vars.where }} {{ vars.ports | join(',') }}"
    texts = filled(of, own(tmp_path, said))
    assert texts["cli128.ks"].startswith("r7 hall 1 80,443")
    assert texts["cli129.ks"].startswith("any hall 1 80,443")


def test_snippets_include_each_other(tmp_path: Path) -> None:
    places = own(
        tmp_path, '{% include "snippets/outer.j2" %}', snippets__outer='a {% include "snippets/inner.j2" %}',
        snippets__inner="{{ vars.rack }}",
    )  # fmt: skip
    assert filled(site_of(vars={"rack": "r1"}), places)["cli128.ks"].startswith("a r1")


def test_an_undeclared_variable_is_a_fault_at_check_with_its_place(tmp_path: Path, trees: Path) -> None:
    places = own(
        tmp_path, 'one\n{% include "snippets/outer.j2" %}', snippets__outer="two\nthree {{ vars.rack }}\n"
    )
    of = site_of(hosts={"cli128": {"vars": {"rack": "r7"}}})
    (fault,) = check_files(of, trees, places)
    assert fault.path == "templates/snippets/outer.j2:2"
    assert "rack" in str(fault.value)
    assert "below `vars`" in fault.remedy
    assert "(for profiles.rh9)" in fault.remedy, "not for the host that has it"


def test_a_template_that_includes_itself_is_a_fault(tmp_path: Path, trees: Path) -> None:
    places = own(tmp_path, '{% include "kickstart/mine.ks.j2" %}')
    (fault,) = check_files(site_of(), trees, places)
    assert fault.path == "templates/kickstart/mine.ks.j2"
    assert "includes itself" in fault.remedy


def test_a_sum_that_cannot_be_done_is_told_with_its_line(tmp_path: Path, trees: Path) -> None:
    (fault,) = check_files(site_of(), trees, own(tmp_path, "\n\n{{ 1 // 0 }}"))
    assert fault.path == "templates/kickstart/mine.ks.j2:3"


def test_the_name_of_a_template_in_0_1_0_is_still_read() -> None:
    changed = copy.deepcopy(GOOD)
    changed["profiles"]["rh9"]["kickstart"] = "mine.ks.j2"
    assert parse(changed) == site_of()
