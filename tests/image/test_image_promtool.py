"""Prometheus' own checker on the alert rules of config/examples, and what they do in time."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from twinlab.host.images import PROMTOOL_IMAGE, build_test_image

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent


@pytest.mark.parametrize("words", [
    ("check", "rules", "/rules/prometheus-alerts.yml"),
    ("test", "rules", "/tests/prometheus-alerts-test.yml"),
])
def test_the_rules(words: tuple[str, ...]) -> None:
    build_test_image(PROMTOOL_IMAGE, print)
    said = subprocess.run(
        ("docker", "run", "--rm", "--network", "none", "-v", f"{ROOT}/config/examples:/rules:ro",
         "-v", f"{HERE}:/tests:ro", PROMTOOL_IMAGE, *words), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert said.returncode == 0, said.stdout + said.stderr
