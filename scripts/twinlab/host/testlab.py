"""Names of the labs that the tests bring up, so that two checkouts can test on one machine.

TWINBOOT_TEST_LAB in the environment gives another prefix than the usual one.
"""

from __future__ import annotations

import os


def name(which: str = "") -> str:
    """The name of a test's lab: the prefix, and what tells it from the others of the same run."""
    prefix = os.environ.get("TWINBOOT_TEST_LAB", "twt")
    return f"{prefix}-{which}" if which else prefix
