"""Faults know of a lab what their scene says, and not the lab itself: it uses them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import twinlab.faults
from twinlab.faults.scene import Scene
from twinlab.host import testlab
from twinlab.lab import Lab


def test_no_fault_imports_the_lab() -> None:
    for path in Path(twinlab.faults.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            assert not (isinstance(node, ast.ImportFrom) and node.module == "twinlab.lab"), path


def test_a_lab_is_a_scene() -> None:
    scene: Scene = Lab("any")
    assert scene.name == "any"


def test_a_checkout_has_lab_names_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TWINBOOT_TEST_LAB", raising=False)
    assert testlab.name("x").endswith("-x")
    assert len(testlab.name()) == len("twt") + 4
