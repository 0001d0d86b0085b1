"""The table of kinds: each once, each raised somewhere, and nothing that it does not have."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from alarmkinds import only_registered_here
from twinboot.alarms import AlarmKind, Condition, UnregisteredAlarm, find, kinds, register, registered
from twinboot.alarms.reference import markdown

PACKAGE = Path(__file__).parents[3] / "images" / "sidecar" / "twinboot"
TOY = AlarmKind("toy-lost", "TOY", "the toy is lost", "look below the bed")


def test_a_kind_from_elsewhere_is_one_entry() -> None:
    with only_registered_here():
        kind = register(TOY)
        assert kind.on("bear", "bear is lost") == Condition("toy-lost", "bear", "bear is lost")
        assert find("toy-lost") is kind
        assert markdown().endswith("| `toy-lost` | TOY | the toy is lost | look below the bed |\n")
    assert find("toy-lost") is None


def test_an_unregistered_code_raises() -> None:
    with pytest.raises(UnregisteredAlarm):
        Condition("toy-lost", "bear", "bear is lost")
    with pytest.raises(UnregisteredAlarm):
        TOY.on("bear", "bear is lost")


def test_a_code_is_registered_once() -> None:
    with only_registered_here():
        register(TOY)
        with pytest.raises(ValueError, match="already"):
            register(TOY)


@pytest.mark.parametrize("code", ["", "Toy", "toy_lost", "-toy", "toy-", "toy lost", "toy--lost"])
def test_a_code_is_kebab_case(code: str) -> None:
    with pytest.raises(ValueError, match="no code"):
        register(AlarmKind(code, "TOY", "", ""))


def test_every_kind_is_complete_and_fits_in_a_table() -> None:
    for kind in registered():
        for line in (kind.subject, kind.meaning, kind.remedy):
            assert line.strip() == line != "", kind.code
            assert not set("\n|") & set(line), kind.code
            assert not line.endswith("."), kind.code


def test_every_kind_is_raised_somewhere() -> None:
    used = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Attribute(value=ast.Name(id="kinds"), attr=name):
                    used.add(name)
    named = {name: kind for name, kind in vars(kinds).items() if isinstance(kind, AlarmKind)}
    assert set(named.values()) == set(registered()), "all kinds stand in kinds.py"
    assert {name for name in named if name not in used} == set()
