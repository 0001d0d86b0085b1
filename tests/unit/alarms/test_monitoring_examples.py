"""The dashboard and the alert rules in config/examples name metrics and alarms that there are; every alarm
that matters has its rule."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml
from twinboot.alarms import registered
from twinboot.alarms.registry import Alert

ROOT = Path(__file__).parents[3]
METRICS = (ROOT / "images/sidecar/METRICS.md").read_text().split("## Metrics")[1].split("\n## ")[0]
RULES: dict[str, Any] = yaml.safe_load((ROOT / "config/examples/prometheus-alerts.yml").read_text())
DASHBOARD: dict[str, Any] = json.loads((ROOT / "config/examples/grafana-dashboard.json").read_text())


def told_metrics() -> dict[str, str]:
    """By name: its labels."""
    rows = re.findall(r"^\| `([a-z_]+)(\{[^}]*\})?` \|", METRICS, re.MULTILINE)
    return {f"twinboot_{name}": labels for name, labels in rows}


def used(expression: str) -> set[str]:
    """Metrics in an expression; a histogram by its own name."""
    names = set(re.findall(r"twinboot_[a-z_]+", expression))
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}


def expressions() -> list[str]:
    rules = [rule["expr"] for group in RULES["groups"] for rule in group["rules"]]
    return rules + [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def test_every_metric_that_they_name_is_one() -> None:
    known = set(told_metrics())
    assert len(known) > 30
    for expression in expressions():
        assert used(expression) <= known, expression
        assert used(expression) or "up{" in expression


def test_every_label_that_they_choose_by_is_one() -> None:
    for expression in expressions():
        for name, labels in re.findall(r"(twinboot_[a-z_]+)\{([^}]*)\}", expression):
            metric = re.sub(r"_(bucket|sum|count)$", "", name)
            for label in re.findall(r"([a-z_]+)(?:=|!=|=~)", labels):
                assert label in ("job", "instance") or label in told_metrics()[metric], expression


def test_every_alarm_has_its_alert_or_a_reason_for_none() -> None:
    """The rules as Prometheus reads them; tests/unit/house/test_docs.py compares their text."""
    rules = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"]}
    by_code = {found[1]: rule for rule in rules.values()
               if (found := re.search(r'alarm\{code="([a-z-]+)"', rule["expr"]))}
    wanted = {kind.code: kind for kind in registered() if isinstance(kind.alert, Alert)}
    assert set(by_code) == set(wanted)
    for code, kind in wanted.items():
        assert isinstance(kind.alert, Alert)
        assert by_code[code]["annotations"]["description"] == kind.meaning.replace("`", ""), code
        assert by_code[code]["labels"]["severity"] == kind.alert.severity.value
        assert by_code[code].get("for", "") == kind.alert.lasting
    assert {"TwinbootAbsent", "TwinbootServerNotScraped", "TwinbootGroupNotHeldOnce"} <= set(rules)


def test_no_panel_lies_on_another() -> None:
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below
    assert all(place["x"] >= 0 and place["x"] + place["w"] <= 24 for place in places)
