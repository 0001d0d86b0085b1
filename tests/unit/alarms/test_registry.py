"""The table of kinds: each once, each raised somewhere, and nothing that it does not have."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from alarmkinds import only_registered_here
from twinboot.alarms import (
    AlarmKind,
    Condition,
    UnregisteredAlarm,
    find,
    kinds,
    prometheus_rules,
    register,
    registered,
)
from twinboot.alarms.reference import markdown
from twinboot.alarms.registry import NoAlert, critical, no_alert, warning
from twinboot.core.model import LackKind

PACKAGE = Path(__file__).parents[3] / "images" / "sidecar" / "twinboot"
TOY = AlarmKind("toy-lost", "TOY", "the `toy` is lost", "look below the bed", critical("5m"))


def test_a_kind_from_elsewhere_is_one_entry() -> None:
    with only_registered_here():
        kind = register(TOY)
        assert kind.on("bear", "bear is lost") == Condition("toy-lost", "bear", "bear is lost")
        assert find("toy-lost") is kind
        assert markdown().endswith("| `toy-lost` | TOY | the `toy` is lost | look below the bed |\n")
    assert find("toy-lost") is None


def test_a_lack_is_one_that_the_core_knows() -> None:
    known = {one.value for one in LackKind} - {LackKind.OTHER.value}
    assert {kind.lack for kind in registered()} - {""} <= known


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
        register(AlarmKind(code, "TOY", "", "", TOY.alert))


@pytest.mark.parametrize("lasting", ["5", "m", "5 m", "0s", "1h30m", "soon"])
def test_an_alert_lasts_as_prometheus_has_it(lasting: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        warning(lasting)


def test_an_alert_is_a_rule_and_none_is_a_comment() -> None:
    with only_registered_here():
        register(TOY)
        register(replace(TOY, code="toy-dull", alert=no_alert("nobody plays")))
        *_, rule, comment = re.split("^(?=      (?:- alert|# no rule))", prometheus_rules.rules(), flags=re.M)
    assert yaml.safe_load(rule) == [{
        "alert": "TwinbootToyLost", "expr": 'max by (job, subject) (twinboot_alarm{code="toy-lost"}) == 1',
        "for": "5m", "labels": {"severity": "critical"},
        "annotations": {"summary": "{{ $labels.subject }}: toy-lost", "description": "the toy is lost"},
    }]
    assert comment == "      # no rule for toy-dull: nobody plays\n"


def test_every_kind_is_complete_and_fits_in_a_table() -> None:
    for kind in registered():
        why = [kind.alert.because] if isinstance(kind.alert, NoAlert) else []
        for line in (kind.subject, kind.meaning, kind.remedy, *why):
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
