"""Power-offs and planned moves at random moments of a boot, machine after machine: each ends in a kernel.

BOOT_ROUNDS for more of them, BOOT_SEED for other moments, BOOT_MACHINES for some machines alone.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from itertools import cycle, islice

import pytest
from brokenboot import MACHINES, Labs, break_boot, moments

ROUNDS = int(os.environ.get("BOOT_ROUNDS") or 4)
SEED = int(os.environ.get("BOOT_SEED") or 2008)
NAMES = (os.environ.get("BOOT_MACHINES") or "uefi uefi-http bios uefi-secure ipxe").split()
ROWS = sorted(enumerate(islice(cycle(NAMES), ROUNDS)), key=lambda row: [*MACHINES].index(row[1]))
"""Those of one site beside each other: each change of sites is a new lab."""
pytestmark = pytest.mark.long


def say(text: str) -> None:
    print(f"moments: {text}", flush=True)


@pytest.fixture(scope="module")
def labs() -> Iterator[Labs]:
    made = Labs("moments", say)
    try:
        yield made
    finally:
        made.down()


@pytest.mark.parametrize(("number", "name"), ROWS, ids=lambda value: str(value))
def test_a_boot_that_is_broken_anywhere_ends_in_a_kernel(labs: Labs, number: int, name: str) -> None:
    machine, draw = MACHINES[name], random.Random(f"{SEED}/{number}")
    stage, share = draw.choice(machine.files)[0], draw.uniform(0.0, 1.02)
    fault = draw.choice(["power-off", "power-off", "standby"])
    moment = moments(*machine.files, share=share)[stage]
    found = break_boot(labs.ready(machine.site), machine, moment, fault)
    say(f"{number}: {name}, {fault} after {share:.0%} of {stage}: {found}")
