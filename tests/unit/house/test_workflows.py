"""The workflows of CI: what a release is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from twinboot import daemons

WORKFLOWS = Path(__file__).parents[3] / ".github/workflows"


def load(name: str) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load((WORKFLOWS / name).read_text())
    return found


def test_a_tag_releases_every_image_for_both_architectures_with_its_attestations() -> None:
    release = load("release.yml")
    assert release[True] == {"push": {"tags": ["v*"]}}, "YAML 1.1 reads the key `on` as true"
    job = release["jobs"]["images"]
    of_daemons = {one.image_name for one in daemons.DAEMONS}
    assert set(job["strategy"]["matrix"]["image"]) == {*of_daemons, daemons.PAGE, "power", "sidecar"}
    build = next(step["with"] for step in job["steps"] if "build-push" in step.get("uses", ""))
    assert build["platforms"].split(",") == ["linux/amd64", "linux/arm64"]
    assert build["sbom"] is True
    assert build["provenance"] == "mode=max"
    assert build["push"] is True
    assert "latest" not in (WORKFLOWS / "release.yml").read_text()


def test_a_release_is_tested_first_and_its_tag_is_the_version() -> None:
    jobs = load("release.yml")["jobs"]
    assert jobs["test"]["uses"] == "./.github/workflows/ci.yml"
    assert jobs["images"]["needs"] == "test"
    assert "workflow_call" in load("ci.yml")[True]
    check = next(step["run"] for step in jobs["images"]["steps"] if "run" in step)
    assert "images/versions.env" in check
    assert "exit 1" in check


def test_the_registry_is_the_repositorys_choice_alone() -> None:
    release = load("release.yml")["jobs"]["images"]
    check = next(step for step in release["steps"] if "run" in step)
    login = next(step["with"] for step in release["steps"] if "login" in step.get("uses", ""))
    assert check["env"]["REGISTRY"] == "${{ vars.REGISTRY }}"
    assert "set the variable REGISTRY" in check["run"]
    assert login["registry"] == "${{ steps.release.outputs.host }}"
