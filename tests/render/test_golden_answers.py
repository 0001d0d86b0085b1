"""Answer files and kernel arguments of sites whose machines are installed by other kinds, kept in golden/.

`make generated` writes them anew; read the difference.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from rendering import KINDS, document, rendered, site
from twinboot.loaders.decision import room_for
from twinboot.loaders.menu import menu_of
from twinboot.planning.plan import SitePlan

GOLDEN = Path(__file__).parent / "golden"
PRIVATE = re.compile("^private/[0-9.]+/")


def files_of(name: str) -> dict[str, str]:
    """The answers, and a line of arguments for each that a machine may be given."""
    plan = SitePlan(site(name))
    found: dict[str, str] = {}
    for path, text in rendered(plan.site).pub.items():
        if "answers/" in path:  # of all machines that read it, one
            found.setdefault(PRIVATE.sub("private/", path), text)
    lines = [
        f"{machine.name if machine else install.answers}: "
        + " ".join(menu_of(plan, install, room=room_for(plan, install.profile)).arguments)
        for install, machine in plan.answer_files() if machine is None or machine.install == install
    ]  # fmt: skip
    return {**found, "arguments": "\n".join(lines) + "\n"}


@pytest.mark.parametrize("name", KINDS)
def test_answers_and_arguments_are_the_golden_ones(name: str) -> None:
    files, root = files_of(name), GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        shutil.rmtree(root, ignore_errors=True)
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
    kept = {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}
    assert sorted(files) == sorted(kept), "other files; `make generated` when it should be so"
    for path, text in files.items():
        assert text == kept[path], f"{path} differs; `make generated` when it should"
        assert text.endswith("\n"), path
        assert not any(line != line.rstrip() for line in text.splitlines()), path


def test_a_kind_without_a_site_says_what_to_add() -> None:
    with pytest.raises(AssertionError, match=r"add tests/render/sites/toy\.yaml"):
        document("toy")
