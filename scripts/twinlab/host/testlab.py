"""What tells this checkout's labs and images from those of another checkout on the same machine.

TWINBOOT_TEST_LAB in the environment gives the tests' labs another prefix than the checkout's.
"""

from __future__ import annotations

import hashlib
import os

from twinlab.host.labsite import ROOT

CHECKOUT = hashlib.sha256(str(ROOT).encode()).hexdigest()[:4]


def name(which: str = "") -> str:
    """The name of a test's lab: the prefix, and what tells it from the others of the same run."""
    prefix = os.environ.get("TWINBOOT_TEST_LAB", f"twt{CHECKOUT}")
    return f"{prefix}-{which}" if which else prefix
