"""Names of the labs that the tests bring up: each checkout has its own, so that two can test on one machine.

TWINBOOT_TEST_LAB in the environment gives another prefix than the checkout's.
"""

from __future__ import annotations

import hashlib
import os

from twinlab.host.labsite import ROOT


def name(which: str = "") -> str:
    """The name of a test's lab: the prefix, and what tells it from the others of the same run."""
    own = f"twt{hashlib.sha256(str(ROOT).encode()).hexdigest()[:4]}"
    prefix = os.environ.get("TWINBOOT_TEST_LAB", own)
    return f"{prefix}-{which}" if which else prefix
