"""Scenarios chosen at random. The source of randomness is handed in: an ordinary Random, or Hypothesis'."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from .files import SIZES, Trees
from .middlebox import Box
from .scenario import Client, How, Net, Replication, Scenario, Shift, Trigger, Work

BOXES = (Box.NONE,) * 4 + (Box.FILTER, Box.OLD_FILTER, Box.NAT, Box.OLD_NAT)
MODES = ("EPSV", "EPSV", "PASV", "PASV", "PORT", "EPRT")
RARE = 0.15
LONG_S = 20.0
"""Longer than what has left a server is kept for a peer. Only at last: the next server would not know that
clients wait so long with what they say again."""


def scenario(rng: Random) -> Scenario:
    """One or two programs, one or two moves, a network between good and bad."""
    net = _net(rng)
    work = tuple(_work(rng, net) for _ in range(rng.choice((1, 1, 2))))
    moves = [_move(rng, work) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
    if moves[-1].how is How.LET_GO and rng.random() < 0.3:
        moves[-1] = replace(moves[-1], claimed=LONG_S)
    return Scenario(
        rng.randrange(2**16),
        _client(rng),
        net,
        _replication(rng),
        work,
        tuple(moves),
        lingers=rng.random() < 0.7,
        trees=_trees(rng, work),
    )


def _trees(rng: Random, work: tuple[Work, ...]) -> Trees:
    """Clients that list a folder know one server's times."""
    other = rng.random() < RARE and not any("list" in one.wants for one in work)
    return Trees.OTHER_TIMES if other else Trees.SAME


def _client(rng: Random) -> Client:
    if rng.random() < 0.4:
        return Client(arp=rng.random() > RARE)
    small = rng.random() < 0.4
    return Client(
        sack=rng.random() < 0.5,
        scale=rng.choice((-1, 0, 2, 7)),
        timestamps=rng.random() < 0.5,
        mss=rng.choice((536, 1460, 1460)),
        window=rng.choice((5840, 16384) if small else (65535, 200000)),
        delack=rng.choice((0.0, 0.04)),
        arp=rng.random() > RARE,
        challenges=rng.random() > RARE,
    )


def _net(rng: Random) -> Net:
    delay = rng.choice((0.0001, 0.0005, 0.0005, 0.002, 0.01))
    box = rng.choice(BOXES)
    if rng.random() < 0.5 or box is not Box.NONE:  # a box ends connections whose packets overtake each other
        return Net(box, delay, loss=rng.choice((0.0, 0.0, 0.01)))
    return Net(
        box,
        delay,
        jitter=rng.choice((0.0, 0.0, delay, 3 * delay)),
        loss=rng.choice((0.0, 0.01, 0.03)),
        double=rng.choice((0.0, 0.02)),
    )


def _replication(rng: Random) -> Replication:
    if rng.random() < 0.5:
        return Replication()
    return Replication(
        rng.choice((0.0002, 0.003, 0.02)), rng.choice((0.0, 0.005)), rng.choice((0.0, 0.1, 0.3))
    )


def _work(rng: Random, net: Net) -> Work:
    return _http(rng) if rng.random() < 0.45 else _ftp(rng, net)


def _file(rng: Random) -> str:
    size = rng.choice(SIZES)
    return f"f{size}+{rng.randrange(1, size)}" if size > 1 and rng.random() < RARE else f"f{size}"


def _pace(rng: Random) -> tuple[tuple[str, str], ...]:
    if rng.random() > RARE:
        return ()
    return ("bite", rng.choice(("700", "4000"))), ("pause", rng.choice(("0.002", "0.02")))


def _http(rng: Random) -> Work:
    count = rng.choice((1, 1, 2, 4, 9))
    wants = tuple("none" if rng.random() < 0.05 else _file(rng) for _ in range(count))
    habits = [("ahead", str(rng.choice((1, 2, 5, 9))))] if count > 1 else []
    habits += [("closes", "1")] if rng.random() < 0.4 else []
    habits += [("padding", str(rng.choice((300, 900))))] if rng.random() < RARE else []
    pace = _pace(rng) if ("closes", "1") not in habits else ()
    return Work("http", wants, (*habits, *pace))


def _ftp(rng: Random, net: Net) -> Work:
    wants = tuple("list" if rng.random() < 0.2 else _file(rng) for _ in range(rng.choice((1, 1, 2, 4))))
    mode = rng.choice(MODES[:4] if net.box.translates else MODES)
    habits = [("mode", mode)] if mode != "EPSV" else []
    habits += [(name, "0") for name in ("early",) if rng.random() < RARE and mode in MODES[:4]]
    habits += [(name, "1") for name in ("size", "keeps", "quits") if rng.random() < 2 * RARE]
    return Work("ftp", wants, (*habits, *_pace(rng)))


def _move(rng: Random, work: tuple[Work, ...]) -> Shift:
    """From an address that has vanished no server can open a data connection."""
    trigger = rng.choice((Trigger.SEGMENT, Trigger.SEGMENT, Trigger.RECORD, Trigger.BYTE, Trigger.AT))
    count: float = {
        Trigger.SEGMENT: rng.choice((8, 30, 120)),
        Trigger.RECORD: rng.choice((5, 30)),
        Trigger.BYTE: rng.choice((3000, 40000)),
        Trigger.AT: 0,
    }[trigger]
    count = rng.randint(1, int(count)) if count else round(rng.random() * rng.choice((0.03, 0.2, 1.0)), 4)
    kind = rng.random()
    if kind < 0.35:
        return Shift(How.PLANNED, trigger, count, 0.0)
    if kind > 0.9:
        return Shift(How.LET_GO, trigger, count, rng.choice((0.003, 0.3, 2.0)))
    if kind > 0.83 and not any(one.habit("mode", "") in ("PORT", "EPRT") for one in work):
        return Shift(How.VANISH, trigger, count, rng.choice((0.003, 0.3, 2.0)))
    return Shift(How.POWER_OFF, trigger, count, rng.choice((0.3, 1.0, 1.0, 1.1)))
