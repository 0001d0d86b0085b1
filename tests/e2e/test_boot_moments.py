"""Power-offs and planned moves at random moments of a boot, machine after machine: each ends in a kernel.

BOOT_ROUNDS for more of them, BOOT_SEED for other moments, BOOT_FIRMWARES for some firmwares alone.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from itertools import cycle, islice

import pytest
from brokenboot import FILES, HOME, HOST, TAKER, break_boot, moments
from twinlab import Lab
from twinlab.host import netboot, testlab

ROUNDS = int(os.environ.get("BOOT_ROUNDS") or 4)
SEED = int(os.environ.get("BOOT_SEED") or 2008)
FIRMWARES = (os.environ.get("BOOT_FIRMWARES") or "uefi uefi-http bios uefi-secure ipxe").split()
pytestmark = pytest.mark.long


def say(text: str) -> None:
    print(f"moments: {text}", flush=True)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    made = Lab(testlab.name("moments"), say)
    made.down()
    try:
        yield made.up(trees=netboot.build_netboot(say), patch=netboot.site_patch({HOST: {}}))
    finally:
        made.down()


@pytest.mark.parametrize(
    ("number", "firmware"), enumerate(islice(cycle(FIRMWARES), ROUNDS)), ids=lambda value: str(value)
)
def test_a_boot_that_is_broken_anywhere_ends_in_a_kernel(lab: Lab, number: int, firmware: str) -> None:
    draw = random.Random(f"{SEED}/{number}")
    stage, share = draw.choice(FILES[firmware])[0], draw.uniform(0.0, 1.02)
    fault = draw.choice(["power-off", "power-off", "standby"])
    lab.end_hold_downs()
    lab.wait_owned({"first": HOME, "second": TAKER})
    found = break_boot(lab, firmware, moments(*FILES[firmware], share=share)[stage], fault)
    say(f"{number}: {firmware}, {fault} after {share:.0%} of {stage}: {found}")
