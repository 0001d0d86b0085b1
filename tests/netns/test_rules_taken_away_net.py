"""Others take the takeover process's nftables table away, or spoil it: in a namespace, as root.

Judged by `nft list`, and by the kernel itself: does it refuse who connects to a port on which nobody listens?
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address

import pytest
from twinboot.takeover.host.nftables import NftablesRules
from twinboot.takeover.logic.record import ConnectionKind

VIP = IPv4Address("192.168.0.253")
OTHER = IPv4Address("192.168.0.254")
SERVICES = (ConnectionKind.FTP_CONTROL, ConnectionKind.HTTP)
TABLE = "ip twinboot_takeover"
NOBODYS_PORT = 8080
INSIDE = """
ip link set lo up
ip addr add {0}/32 dev lo
exec {1} {2} {3}
"""
CHANGES = {
    "flush-ruleset": "flush ruleset",
    "as-nftables.conf": "flush ruleset; add table inet filter; add chain inet filter input "
                        "{ type filter hook input priority 0; policy accept; }",
    "delete-table": f"delete table {TABLE}",
    "flush-table": f"flush table {TABLE}",
    "flush-chain": f"flush chain {TABLE} output",
    "foreign-rule": f"insert rule {TABLE} output accept",
    "foreign-chain": f"add chain {TABLE} foreign",
    "dormant": f"add table {TABLE} {{ flags dormant; }}",
    "elements": f"flush set {TABLE} no_rst; flush set {TABLE} no_refusal",
}


def inside(case: str) -> str:
    """Run a case in a namespace of its own; what it said."""
    script = INSIDE.format(VIP, sys.executable, __file__, case)
    done = subprocess.run(["unshare", "--net", "sh", "-ec", script], capture_output=True, text=True,
                          timeout=90, check=False)
    return done.stdout.strip() or done.stderr


@pytest.mark.parametrize("change", CHANGES)
def test_the_table_is_back_with_its_elements_and_the_kernel_refuses_nobody(change: str) -> None:
    assert inside(change) == "whole"


@pytest.mark.parametrize("case", ["at-a-claim", "unheard", "hand-over"])
def test_a_move_has_its_rules_though_they_have_just_gone(case: str) -> None:
    assert inside(case) == "whole"


def test_who_takes_it_away_in_a_loop_is_a_fault_and_keeps_the_process_from_nothing() -> None:
    assert inside("loop") == "whole"


def test_the_end_of_the_process_leaves_no_table() -> None:
    assert inside("end") == "whole"


# Inside ---------------------------------------------------------------------------------------------


def nft(*words: str) -> str:
    return subprocess.run(["nft", *words], capture_output=True, text=True, check=True).stdout


def listing() -> str:
    """The table without what changes by itself: the time that elements have left."""
    command = ["nft", "list", "table", *TABLE.split()]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    return re.sub(r" (timeout|expires) [0-9smh]+(?=[ ,])", "", shown.stdout)


def refused(address: IPv4Address = VIP) -> bool:
    """Whether the kernel resets who connects to a port on which nobody listens."""
    with contextlib.closing(socket.socket()) as sock:
        sock.settimeout(0.3)
        try:
            sock.connect((str(address), NOBODYS_PORT))
        except ConnectionRefusedError:
            return True
        except TimeoutError:
            return False
    raise AssertionError("somebody listens")


async def until(condition: Callable[[], bool], what: str, limit_s: float = 30) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, what
        await asyncio.sleep(0.01)


def installed() -> NftablesRules:
    """The rules as after a claim."""
    rules = NftablesRules()
    rules.install_input_hold(SERVICES)
    rules.watch()
    rules.no_rst(VIP, on=True)
    rules.no_refusal(VIP, on=True)
    assert not refused()
    return rules


async def after(change: str) -> None:
    rules, before = installed(), listing()
    assert before
    nft(change)
    await until(lambda: listing() == before, f"{listing()} instead of {before}")
    assert not refused()
    assert rules.fault == ""
    assert rules.laid_again == (change != CHANGES["elements"])


async def at_a_claim() -> None:
    """The process hears of it and of the claim in one turn of its loop."""
    rules = installed()
    nft("flush", "ruleset")
    rules.no_rst(VIP, on=True)
    assert not refused()
    assert rules.laid_again == 1
    nft("flush", "ruleset")
    rules.no_refusal(OTHER, on=True)  # whatever comes first
    assert not refused()
    assert str(OTHER) in listing()
    await asyncio.sleep(0)


async def hand_over() -> None:
    rules = installed()
    nft("flush", "ruleset")
    rules.freeze(VIP, on=True)
    assert f"elements = {{ {VIP} }}" in listing().split("set frozen")[1]
    rules.freeze(VIP, on=False)
    rules.no_rst(VIP, on=False)
    nft("flush", "ruleset")
    await until(lambda: rules.laid_again == 2, "the table")
    assert refused(), "what was over before is over after it"


async def unheard() -> None:
    """News may be lost."""
    rules = installed()
    news = rules._table._notifications
    assert news is not None
    asyncio.get_running_loop().remove_reader(news.fileno())
    before = listing()
    nft("flush", "ruleset")
    await until(lambda: listing() == before, "the table")


@contextlib.contextmanager
def flushing() -> Iterator[None]:
    """Another program has gone mad."""
    ended = threading.Event()

    def flush() -> None:
        while not ended.wait(0.02):
            nft("flush", "ruleset")

    thread = threading.Thread(target=flush)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


async def loop() -> None:
    rules, before = installed(), listing()
    turns = 0
    with flushing():
        await until(lambda: rules.fault != "", "a fault")
        laid, begun = rules.laid_again, time.monotonic()
        for _ in range(300):
            await asyncio.sleep(0.01)
            turns += 1
            rules.hold_input([VIP], on=True)  # what the process does all the time
            rules.no_rst(VIP, on=True)  # and a move: nothing of it fails
        assert rules.fault != ""
        assert rules.laid_again - laid <= 2 + time.monotonic() - begun
    await until(lambda: rules.fault == "", "the end of the fault")
    rules.hold_input([VIP], on=False)
    rules.no_rst(VIP, on=True)
    assert listing() == before
    assert not refused()


async def end() -> None:
    rules = installed()
    rules.close()
    rules.hold_input([VIP], on=False)
    await asyncio.sleep(0.3)
    assert listing() == ""


def main(case: str) -> None:
    own = {"at-a-claim": at_a_claim, "hand-over": hand_over, "unheard": unheard, "loop": loop, "end": end}
    asyncio.run(own[case]() if case in own else after(CHANGES[case]))
    print("whole")


if __name__ == "__main__":
    main(sys.argv[1])
