"""The site is changed by `twinboot apply` while servers die and containers are pruned; three servers are cut.

Watched from outside by an ARP prober, an HTTP client and a DHCP counter. Whatever happens: no address has two
holders, no DISCOVER two answers, and at the end all servers work by one site, each group held once.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import combinations
from typing import Any

import pytest
from applyhelp import apply, numbers, site_on, wait_settled, write
from labhelp import own_lab
from twinlab import Lab
from twinlab.host.engine import Result
from twinlab.host.wait import until

pytestmark = pytest.mark.long
BUSY_S = 120.0


def swap_addresses(site: dict[str, Any], lab: Lab) -> None:
    groups = site["groups"]
    first, second = groups["first"], groups["second"]
    first["address"], second["address"] = second["address"], first["address"]


def add_a_group(site: dict[str, Any], lab: Lab) -> None:
    site["groups"]["third"] = {
        "address": str(lab.layout.lan[241]), "order": ["server2", "server1"],
    }  # fmt: skip


def remove_the_group(site: dict[str, Any], lab: Lab) -> None:
    site["groups"].pop("third", None)


def move_dhcpd(site: dict[str, Any], lab: Lab) -> None:
    first, second = (site["groups"][name] for name in ("first", "second"))
    first["services"], second["services"] = second.get("services", []), first.get("services", [])


@pytest.fixture(scope="module")
def pair(trees: Any) -> Iterator[Lab]:
    with own_lab("changes", trees=trees) as made:
        yield made


JOINED_S = 10.0
"""Two halves of a LAN that were joined settle within a second; never tight on a busy machine."""


@contextmanager
def nobody_twice(lab: Lab, *more: str) -> Iterator[list[float]]:
    """No address of the site, old or new, has two holders in the block, and no DISCOVER two answers.

    Hands out a list of the moments at which halves of the LAN were joined: each held everything until then.
    """
    addresses = [*{*lab.addresses.values(), *more}]
    joined: list[float] = []
    with lab.prober(addresses) as prober, lab.lan_recorder() as recorder:
        began = recorder.report(0).end
        yield joined
        time.sleep(1.0)  # the counter tells of a DISCOVER when its time is over
        seen, report = prober.seen(), recorder.report(began)

    def settling(at: float) -> bool:
        return any(0 <= at - one < JOINED_S for one in joined)

    doubles = {address: [at for at, _ in one.doubles() if not settling(at)] for address, one in seen.items()}
    assert not any(doubles.values()), doubles
    assert [at for at in report.doubled_offers if not settling(at)] == []


def change(lab: Lab, edit: Callable[[dict[str, Any], Lab], None], number: int = 1) -> Result:
    """Edit the site in use and apply it on that server."""
    server = lab.server(number)
    site = copy.deepcopy(site_on(server))
    edit(site, lab)
    write(server, site)
    return apply(server)


def held_once(lab: Lab) -> None:
    """Every address of the site in use is on one server, and dhcpd runs on one."""
    for group in site_on(lab.server(1))["groups"].values():
        who = [name for name, server in lab.servers.items() if server.has(group["address"])]
        assert len(who) == 1, (group["address"], who)
    running = [name for name, one in lab.servers.items() if one.containers().get("dhcpd") == "running"]
    assert len(running) == 1, running


EDITS = [swap_addresses, add_a_group, remove_the_group, move_dhcpd]


@pytest.mark.parametrize("edit", EDITS)
def test_changes_in_order(pair: Lab, edit: Callable[[dict[str, Any], Lab], None]) -> None:
    wait_settled(pair)
    with nobody_twice(pair, str(pair.layout.lan[241])):
        done = change(pair, edit)
        assert done.ok, done.out + done.err
        wait_settled(pair)
        until(lambda: _no_fault(lambda: held_once(pair)), "each address once", timeout_s=BUSY_S)


@pytest.mark.parametrize("victim", [1, 2])
@pytest.mark.parametrize("after_s", [0.3, 1.5, 4.0])
@pytest.mark.parametrize("edit", [swap_addresses, move_dhcpd])
def test_a_server_dies_while_a_site_is_applied(
    pair: Lab, edit: Callable[[dict[str, Any], Lab], None], after_s: float, victim: int
) -> None:
    wait_settled(pair)
    with nobody_twice(pair):
        worker = threading.Thread(target=change, args=(pair, edit, 3 - victim))
        worker.start()
        time.sleep(after_s)
        with pair.fault("power-off", victim):
            worker.join()
            until(
                lambda: all(who == [f"server{3 - victim}"] for who in pair.owners().values()),
                "the other one to hold all", timeout_s=BUSY_S,
            )  # fmt: skip
        wait_settled(pair)
        until(lambda: _no_fault(lambda: held_once(pair)), "each address once", timeout_s=BUSY_S)
    print(f"{edit.__name__}, server{victim} dies {after_s} s after: {numbers(pair)}")


@pytest.mark.parametrize("number", [1, 2])
def test_containers_are_pruned_while_a_site_is_applied(pair: Lab, number: int) -> None:
    wait_settled(pair)
    server = pair.server(number)
    with nobody_twice(pair):
        worker = threading.Thread(target=change, args=(pair, move_dhcpd))
        worker.start()
        while worker.is_alive():
            server.docker("container", "prune", "-f", check=False)
            time.sleep(0.3)
        wait_settled(pair)
        until(lambda: _no_fault(lambda: held_once(pair)), "each address once", timeout_s=BUSY_S)


def _no_fault(look: Callable[[], None]) -> bool:
    try:
        look()
    except AssertionError:
        return False
    return True


# Three servers ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trio(trees: Any) -> Iterator[Lab]:
    with own_lab("cuts", servers=3, trees=trees) as made:
        yield made


CUTS = [
    *((alone, cables) for alone in (1, 2, 3) for cables in ("left", "pulled")),
    *((two, cables) for two in combinations((1, 2, 3), 2) for cables in ("left", "pulled")),
]


@pytest.mark.parametrize(("cut", "cables"), CUTS, ids=str)
def test_three_servers_cut_in_every_way(trio: Lab, cut: int | tuple[int, int], cables: str) -> None:
    """One or two servers apart from the rest of the LAN, with and without the direct cables."""
    apart = (cut,) if isinstance(cut, int) else cut
    home = trio.wait_owned()
    with nobody_twice(trio) as joined:
        with ExitStack() as stack:
            first, *others = (trio.server(one) for one in apart)
            stack.enter_context(trio.fault("split", first.name, *(one.container for one in others)))
            if cables == "pulled":
                for number in apart:
                    stack.enter_context(trio.fault("unplug", number, "crossover"))
            time.sleep(12.0)  # whatever they decide, they have decided
            joined.append(time.time())
        trio.wait_owned(home, timeout_s=BUSY_S)
