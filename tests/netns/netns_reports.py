"""Inside the container: each case's reports for the pytest outside, a line of JSON each (see conftest.py).

Everything else that is printed here goes to stderr.
"""

from __future__ import annotations

import json
import os

import pytest

_outside = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    reason = report.longrepr  # of a skipped case: file, line and words
    told = {
        "nodeid": report.nodeid, "when": report.when, "outcome": report.outcome, "duration": report.duration,
        "sections": report.sections,
        "longrepr": reason if isinstance(reason, tuple) else report.longreprtext or None,
    }  # fmt: skip
    print(json.dumps(told), file=_outside, flush=True)
