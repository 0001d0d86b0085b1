"""A table that others take away: laid again within bounds, a fault while it cannot be. In virtual time."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from twinboot.adapters import nft_table
from twinboot.adapters.nft_table import Allowance, NftTable
from twinboot.errors import ResourceError
from twinboot.kernel.nftables_notifications import TableFamily, TablePart

OURS = (("table", b"t"), ("chain", b"c"), ("rule", b"c"), ("rule", b"c"), ("set", b"s"), ("set", b"__set0"))


class Kernel:
    """One table; its own handles for whatever is made, as the kernel's."""

    def __init__(self) -> None:
        self.parts: list[TablePart] = []
        self.now, self.laid, self.refuses, self.unreadable = 1000.0, 0, False, False
        self._handles = itertools.count(1)
        self.table = NftTable(
            TableFamily.IPV4, "t", self.lay, list_parts=self.list_parts, now=lambda: self.now)

    def lay(self, anew: bool) -> None:
        if self.refuses:
            raise ResourceError("packet filter", "no")
        self.laid += 1
        named = {"table", "chain", "set"}
        kept = [] if anew else [one for one in self.parts if one.kind in named]
        have = {(one.kind, one.name) for one in kept}
        self.parts = kept
        for kind, name in OURS:
            if kind not in named or (kind, name) not in have:
                self.add(kind, name)

    def add(self, kind: str, name: bytes) -> None:
        self.parts.append(TablePart(kind, name, b"", bytes((next(self._handles) % 256,))))

    def flush(self) -> None:
        self.parts = []

    def list_parts(self, _family: TableFamily, _table: str) -> frozenset[TablePart]:
        if self.unreadable:
            raise PermissionError("no")
        return frozenset(self.parts)

    def look(self) -> float:
        """As the watch does: then time goes on to the next look."""
        delay_s = self.table.check()
        self.now += delay_s
        return delay_s


def test_a_table_that_stays_is_left_alone() -> None:
    kernel = Kernel()
    kernel.table.lay()
    for _ in range(20):
        kernel.look()
    assert (kernel.laid, kernel.table.laid_again, kernel.table.fault) == (1, 0, "")


def test_it_is_laid_again_when_it_has_gone_or_was_changed() -> None:
    kernel = Kernel()
    kernel.table.lay()
    changes = (
        kernel.flush,
        lambda: kernel.parts.pop(),  # a set
        lambda: kernel.parts.remove(next(one for one in kernel.parts if one.kind == "rule")),
        lambda: kernel.add("rule", b"c"),
    )
    for number, change in enumerate(changes, 1):
        change()
        kernel.look()
        assert kernel.table.laid_again == number
        kernel.look()
        assert kernel.table.laid_again == number, "what was laid again is the table now"
        kernel.now += 100
    assert kernel.table.fault == ""


def test_what_is_foreign_in_it_goes() -> None:
    kernel = Kernel()
    kernel.table.lay()
    kernel.add("chain", b"foreign")
    kernel.look()
    assert kernel.table.laid_again == 1
    assert sorted((one.kind, one.name) for one in kernel.parts) == sorted(OURS)


def test_a_part_left_by_another_release_does_not_keep_it_from_being_laid_again() -> None:
    """The first laying keeps what was there, so the table's shape is known only when it was made anew."""
    kernel = Kernel()
    kernel.add("chain", b"of-another-release")
    kernel.table.lay()
    kernel.flush()
    for _ in range(3):
        kernel.look()
    assert kernel.table.fault == ""
    assert kernel.table.laid_again == 1
    assert len(kernel.parts) == len(OURS)


def test_it_is_a_fault_while_it_cannot_be_laid_or_seen() -> None:
    kernel = Kernel()
    kernel.table.lay()
    kernel.refuses = True
    kernel.flush()
    for _ in range(30):
        kernel.look()
        assert kernel.table.fault != ""
    kernel.refuses = False
    while not kernel.parts:
        kernel.look()
    kernel.look()
    kernel.now += 60
    kernel.look()
    assert kernel.table.fault == ""
    kernel.unreadable = True
    kernel.look()
    assert kernel.table.fault != ""
    kernel.unreadable = False
    kernel.look()
    assert kernel.table.fault == ""


def test_a_storm_is_bounded_and_is_a_fault_until_it_has_been_over_for_a_while() -> None:
    kernel = Kernel()
    kernel.table.lay()
    end = kernel.now + 60
    while kernel.now < end:
        kernel.flush()
        if kernel.table.fault:
            kernel.look()
        else:
            kernel.table.check()  # news come at once; in a storm they wait
    assert kernel.laid <= 1 + nft_table.BURST + 62
    assert kernel.table.fault != ""
    kernel.look()
    assert kernel.parts, "it is there within a second of the last flush"
    assert kernel.table.fault != "", "and may go the next moment"
    for _ in range(20):
        kernel.look()
    assert kernel.table.fault == ""
    assert kernel.parts


def test_a_table_that_goes_while_it_is_laid_is_not_taken_for_laid() -> None:
    kernel = Kernel()
    kernel.table.lay()
    kernel.flush()
    lay = kernel.lay

    def laid_and_gone(anew: bool) -> None:
        lay(anew)
        kernel.flush()

    kernel.table._lay = laid_and_gone
    for _ in range(4):
        kernel.look()
        assert kernel.table.fault != ""
    kernel.table._lay = lay
    for _ in range(10):
        kernel.look()
    assert kernel.parts
    assert kernel.table.fault == ""


def test_a_table_that_goes_while_it_is_laid_first_is_laid_once_more() -> None:
    kernel = Kernel()
    lay, left = kernel.lay, [kernel.flush]

    def laid_and_gone(anew: bool) -> None:
        lay(anew)
        if left:
            left.pop()()

    kernel.table._lay = laid_and_gone
    kernel.table.lay()
    kernel.look()
    assert (len(kernel.parts), kernel.laid, kernel.table.fault) == (len(OURS), 2, "")


@given(st.lists(st.floats(0, 5), max_size=60))
def test_an_allowance_is_never_exceeded(pauses: list[float]) -> None:
    allowance, now, done = Allowance(3, 2.0), 100.0, list[float]()
    for pause in pauses:
        now += pause
        if allowance.wait_s(now) == 0.0:
            done.append(now)
    for number, at in enumerate(done):
        within = [one for one in done[number:] if one <= at + 10.0]
        assert len(within) <= 3 + 10.0 / 2.0 + 1
    if done:
        assert len(done) <= 3 + (done[-1] - 100.0) / 2.0 + 1e-6
