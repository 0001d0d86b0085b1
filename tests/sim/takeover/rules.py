"""The packet filter of a model kernel: takeover.host.nftables' table, by what its rules do."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from ipaddress import IPv4Address

from twinboot.takeover.host.nftables import DATA_PACKET_BYTES, FROZEN_S, INPUT_HOLD_S, NO_RST_S, ORPHANED_S
from twinboot.takeover.host.serve.ftp_data import FIRST_PORT, LAST_PORT
from twinboot.takeover.host.silent_exit import DELIBERATE_PRIORITY, SILENT_PRIORITY
from twinboot.takeover.logic.tcp.segment import ACK, FIN, PSH, RST, SYN, Segment
from twinboot.takeover.logic.tracker import FTP_PORT, HTTP_PORT

from .clock import Clock

SERVICE_PORTS = (FTP_PORT, HTTP_PORT)
HEADER_BYTES = 40


class ModelRules:
    """Satisfies takeover.host.nftables.TakeoverRules. Elements of the sets end by themselves."""

    fault = ""
    laid_again = 0

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[tuple[str, object], float] = {}

    # TakeoverRules ------------------------------------------------------------------------------

    def watch(self) -> None:
        """Nobody takes the table away."""

    def no_rst(self, address: IPv4Address, *, on: bool) -> None:
        self._set("no_rst", [address], NO_RST_S, on=on)

    def freeze(self, address: IPv4Address, *, on: bool) -> None:
        self._set("frozen", [address], FROZEN_S, on=on)

    def no_refusal(self, address: IPv4Address, *, on: bool) -> None:
        self._set("no_refusal", [address], 1e9, on=on)

    def clear_orphaned(self) -> None:
        self._until = {key: until for key, until in self._until.items() if key[0] != "orphaned"}

    def hold_input(self, addresses: Collection[IPv4Address], *, on: bool) -> None:
        self._set("held_input", addresses, INPUT_HOLD_S, on=on)

    def close(self) -> None:
        self._until.clear()

    # What the kernel asks -----------------------------------------------------------------------

    def holds(self, one: Segment) -> bool:
        """Whether this input is logged and dropped (chain input_hold)."""
        if not self._has("held_input", one.target):
            return False
        if one.flags & (SYN | ACK) == SYN:
            return one.target_port in SERVICE_PORTS or FIRST_PORT <= one.target_port <= LAST_PORT
        if one.target_port not in SERVICE_PORTS:
            return False
        if one.flags & (SYN | PSH) == PSH:
            return True
        headers = HEADER_BYTES + (12 if one.options.timestamps is not None else 0)
        return not one.flags & (SYN | RST | FIN | PSH) and headers + one.payload_bytes > DATA_PACKET_BYTES

    def lets_in(self, one: Segment, *, listening: bool) -> bool:
        if self._has("frozen", one.target):
            return False
        begins = one.flags & (SYN | ACK) == SYN and one.target_port in SERVICE_PORTS
        return listening or not begins or not self._has("no_refusal", one.target)

    def lets_out(self, one: Segment, priority: int) -> bool:
        if self._has("frozen", one.source):
            return False
        name = one.source, one.source_port, one.target, one.target_port
        if priority == SILENT_PRIORITY and one.flags & (FIN | RST):
            self._set("orphaned", [name], ORPHANED_S, on=True)
            return False
        if priority == DELIBERATE_PRIORITY or not one.flags & RST:
            return True
        return not self._has("no_rst", one.source) and not self._has("orphaned", name)

    def _has(self, name: str, element: object) -> bool:
        return self._until.get((name, element), 0.0) > self._clock.now

    def _set(self, name: str, elements: Iterable[object], lasts_s: float, *, on: bool) -> None:
        for one in elements:
            if on:
                self._until[name, one] = self._clock.now + lasts_s
            else:
                self._until.pop((name, one), None)
