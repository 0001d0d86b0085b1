"""Fixtures for every kind of test. Owns the building of the service images; nothing that runs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import FrameType

import hostprograms
import pytest
from hypothesis import settings
from twinlab.host.images import VERSION

ROOT = Path(__file__).resolve().parent.parent

# A busy machine is slow: no example fails by the clock.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def pytest_configure(config: pytest.Config) -> None:
    """A run that is told to end, ends as by ^C: what it has started is removed."""
    signal.signal(signal.SIGTERM, _interrupted)
    if "TWINBOOT_NETNS" not in os.environ:  # tests/netns: there is more in that container
        _only_what_every_host_has(config)


def _only_what_every_host_has(config: pytest.Config) -> None:
    """What a test starts finds no other programs than a machine has where nothing was installed for it."""
    folder = Path(tempfile.mkdtemp(prefix="twinboot-programs-"))
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    hostprograms.link(folder, os.get_exec_path())
    os.environ["PATH"] = str(folder)


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@pytest.fixture(scope="session")
def images() -> dict[str, str]:
    """Service name -> image tag. Builds through compose what changed; seconds when nothing did.

    TWINBOOT_TEST_BUILT in the environment: they were built a moment ago, and others use them now."""
    os.environ["TWINBOOT_VERSION"] = VERSION
    compose = ROOT / "compose"
    if not (compose / ".env").exists():
        shutil.copy(compose / ".env.example", compose / ".env")
    base = ("docker", "compose", "-f", str(compose / "compose.yaml"), "--profile", "takeover",
            "--profile", "power")  # fmt: skip
    if not os.environ.get("TWINBOOT_TEST_BUILT"):
        built = subprocess.run((*base, "build", "--quiet"), capture_output=True, text=True, check=False)
        if built.returncode:
            said = (built.stdout + built.stderr)[-4000:]
            pytest.fail(f"docker compose build failed:\n{said}", pytrace=False)
    listed = subprocess.run((*base, "config", "--format", "json"), capture_output=True, text=True, check=True)
    return {name: spec["image"] for name, spec in json.loads(listed.stdout)["services"].items()}
