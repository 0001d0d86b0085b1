"""Which RSTs of a capture somebody could have noticed, on made-up lines of tcpdump's."""

from __future__ import annotations

import pytest
from twinlab.measure.resets import noticed

SERVER, CLIENT = "192.168.1.253", "192.168.1.129"


def line(ours: bool, flags: str, port: int = 40000) -> str:
    ends = f"{SERVER}.80 > {CLIENT}.{port}" if ours else f"{CLIENT}.{port} > {SERVER}.80"
    return f"02:29:26.805878 IP {ends}: Flags [{flags}], seq 1, win 0, length 0"


SYN, CLIENTS_FIN, SERVERS_FIN = line(False, "S"), line(False, "F."), line(True, "FP.")
RESET = line(True, "R")


@pytest.mark.parametrize(("before", "counts"), [
    ([], True), ([CLIENTS_FIN], True), ([SERVERS_FIN], True),
    ([CLIENTS_FIN, CLIENTS_FIN], True),
    ([CLIENTS_FIN, SERVERS_FIN], False), ([CLIENTS_FIN, CLIENTS_FIN, SERVERS_FIN], False),
    ([SERVERS_FIN, CLIENTS_FIN], True),  # in the place of an acknowledgement
    ([CLIENTS_FIN, SERVERS_FIN, SYN], True),  # the port is used again
    ([CLIENTS_FIN, line(True, "F.", 40001)], True),  # of another connection
])
def test_a_reset_counts_unless_the_client_had_closed_and_the_server_after_it(
    before: list[str], counts: bool
) -> None:
    assert noticed([*before, RESET], SERVER) == ([RESET] if counts else [])


def test_a_clients_own_is_none_of_the_servers_and_other_lines_are_none() -> None:
    assert noticed(["reading from file", line(False, "R."), line(True, "R.")], SERVER) == [line(True, "R.")]
