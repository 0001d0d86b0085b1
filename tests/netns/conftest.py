"""These cases need root, `ip`, `tc` and `nft`: they run in a container of the lab's image `netns`.

One container for all of them, with this checkout mounted at its own path, and a pytest of its own whose
reports (netns_reports.py) become those of the pytest outside. So `pytest tests/netns -k standby` and the
like work as everywhere, on a host that has nothing but Docker.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
INSIDE = "TWINBOOT_NETNS"


class Inside:
    """The container, and what it has told so far. Call close() whatever happens."""

    def __init__(self, nodes: list[str]) -> None:
        from twinlab.host import images, layout, testlab

        lab = testlab.name("netns")
        self._name = f"{lab}-{os.getpid()}"
        self._told: dict[str, list[dict[str, Any]]] = {}
        self._said = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
        images.build_test_image(images.NETNS_IMAGE, print, again=True)
        paths = ":".join(str(ROOT / part) for part in ("images/sidecar", "scripts", "tests", "tests/netns"))
        self._process = subprocess.Popen(
            ("docker", "run", "--rm", "--name", self._name, *layout.labels(lab), "--privileged",
             "--network", "none", "--cpu-shares", "8192",  # as the lab's servers have, which may run beside
             "--volume", f"{ROOT}:{ROOT}:ro", "--workdir", str(ROOT),
             "--env", f"{INSIDE}=1", "--env", f"PYTHONPATH={paths}",
             "--env", "PYTHONPYCACHEPREFIX=/tmp/bytecode",  # the checkout is read-only
             images.NETNS_IMAGE, "python3", "-m", "pytest", "-p", "netns_reports", "-p", "no:cacheprovider",
             *nodes),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._said, text=True,
            start_new_session=True,  # Ctrl-C is for the pytest outside: it removes the container
        )  # fmt: skip

    def reports(self, node: str) -> list[dict[str, Any]]:
        """Wait for the end of a case."""
        assert self._process.stdout is not None
        while not any(told["when"] == "teardown" for told in self._told.get(node, ())):
            line = self._process.stdout.readline()
            if not line:
                self._process.wait(30)
                self._said.seek(0)
                raise RuntimeError(f"the container ended without a word of it:\n{self._said.read()[-4000:]}")
            told = json.loads(line)
            self._told.setdefault(told["nodeid"], []).append(told)
        return self._told.pop(node)

    def close(self) -> None:
        if self._process.poll() is None:
            subprocess.run(("docker", "rm", "--force", self._name), capture_output=True, check=False)
        self._process.wait(30)
        self._said.close()


_inside: list[Inside] = []
_faults: list[str] = []


def _reports(item: pytest.Item) -> list[dict[str, Any]]:
    try:
        if not _inside and not _faults:
            _inside.append(Inside([one.nodeid for one in item.session.items if HERE in one.path.parents]))
        if not _faults:
            return _inside[0].reports(item.nodeid)
    except Exception as exc:  # no engine, no image, no more container: that is a fault of each case
        _faults.append(str(exc))
    return [{"when": "setup", "outcome": "failed", "longrepr": _faults[0], "duration": 0.0, "sections": []}]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    if INSIDE in os.environ or HERE not in item.path.parents:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for told in _reports(item):
        why = tuple(told["longrepr"]) if isinstance(told["longrepr"], list) else told["longrepr"]
        report = pytest.TestReport(
            item.nodeid, item.location, dict.fromkeys(item.keywords, 1), told["outcome"], why, told["when"],
            [tuple(section) for section in told["sections"]], told["duration"],
        )  # fmt: skip
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_sessionfinish() -> None:
    while _inside:
        _inside.pop().close()
