"""A scenario: a client, its network, its programs, and the moves of the address, as a value and as a text.

    seed 7
    client sack=0 scale=-1 timestamps=0 mss=536 window=16384 delack=0.04 arp=1
    net box=nat delay=0.001 jitter=0 loss=0.02 double=0
    replication delay=0.001 loss=0
    http f20000 f700+10 ahead=2 closes=1
    ftp f9000 list mode=PASV early=0
    move power-off segment 12 claimed=1.08

A move is a power-off, planned, or one of the holder alone: it lets the address go and takes it back
(`let-go`), or the address vanishes and is put back (`vanish`). Its trigger is a time after the clients' start
(`at`), or a count: of segments or bytes that the holder has sent since then, or of records that it has told
(`segment`, `byte`, `record`). The address is claimed, or comes back, `claimed` seconds later; after a planned
move at once. `hasty`: vsftpd's final reply does not wait for the client. `trees`: what the second server has
(files.Trees). The text is what a failing history prints.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from .files import Trees
from .middlebox import Box


class Trigger(Enum):
    AT = "at"
    SEGMENT = "segment"
    BYTE = "byte"
    RECORD = "record"


class How(Enum):
    POWER_OFF = "power-off"
    PLANNED = "planned"
    LET_GO = "let-go"
    VANISH = "vanish"

    @property
    def comes_back(self) -> bool:
        """The address comes back to the holder that has lost it."""
        return self in (How.LET_GO, How.VANISH)


@dataclass(frozen=True)
class Client:
    """See tcp.Stack. arp: it hears announcements of the address' new place."""

    sack: bool = True
    scale: int = 7
    timestamps: bool = True
    mss: int = 1460
    window: int = 65535
    delack: float = 0.0
    arp: bool = True
    challenges: bool = True


@dataclass(frozen=True)
class Net:
    box: Box = Box.NONE
    delay: float = 0.0005
    jitter: float = 0.0
    loss: float = 0.0
    double: float = 0.0


@dataclass(frozen=True)
class Replication:
    delay: float = 0.0005
    jitter: float = 0.0
    loss: float = 0.0


@dataclass(frozen=True)
class Work:
    """One program: `http` or `ftp`, what it asks for (fSIZE, fSIZE+START, none, list), and its habits."""

    kind: str
    wants: tuple[str, ...]
    habits: tuple[tuple[str, str], ...] = ()

    def habit(self, name: str, otherwise: str) -> str:
        return dict(self.habits).get(name, otherwise)

    def __str__(self) -> str:
        return " ".join([self.kind, *self.wants, *(f"{name}={value}" for name, value in self.habits)])


@dataclass(frozen=True)
class Shift:
    """One move of the address."""

    how: How
    trigger: Trigger
    count: float
    claimed: float = 1.0

    def __str__(self) -> str:
        return f"move {self.how.value} {self.trigger.value} {self.count:g} claimed={self.claimed:g}"


@dataclass(frozen=True)
class Scenario:
    seed: int = 0
    client: Client = field(default_factory=Client)
    net: Net = field(default_factory=Net)
    replication: Replication = field(default_factory=Replication)
    work: tuple[Work, ...] = ()
    moves: tuple[Shift, ...] = ()
    lingers: bool = True
    """vsftpd's final reply waits for the client's acknowledgement of all data."""
    trees: Trees = Trees.SAME

    def __str__(self) -> str:
        lines = [
            f"seed {self.seed}",
            f"client {_said(self.client)}",
            f"net {_said(self.net)}",
            f"replication {_said(self.replication)}",
            *map(str, self.work),
            *map(str, self.moves),
        ]
        lines += [] if self.lingers else ["hasty"]
        lines += [] if self.trees is Trees.SAME else [f"trees {self.trees.value}"]
        return "\n".join(lines) + "\n"

    __repr__ = __str__


def _said(one: Client | Net | Replication) -> str:
    default = type(one)()
    return " ".join(
        f"{name}={_word(value)}"
        for name in one.__dataclass_fields__
        if (value := getattr(one, name)) != getattr(default, name)
    )


def _word(value: object) -> str:
    if isinstance(value, Box):
        return value.value
    return f"{int(value) if isinstance(value, bool) else value}"


def parse(text: str) -> Scenario:
    """Read the text form; lines beginning with # are comments. ValueError for anything else."""
    seed, lingers, trees = 0, True, Trees.SAME
    parts: dict[str, Client | Net | Replication] = {
        "client": Client(),
        "net": Net(),
        "replication": Replication(),
    }
    work: list[Work] = []
    moves: list[Shift] = []
    for line in text.splitlines():
        match line.split():
            case [] | ["#", *_]:
                continue
            case ["seed", number]:
                seed = int(number)
            case ["hasty"]:
                lingers = False
            case ["trees", what]:
                trees = Trees(what)
            case ["move", how, trigger, number, claimed]:
                after = float(claimed.removeprefix("claimed="))
                moves.append(Shift(How(how), Trigger(trigger), float(number), after))
            case ["http" | "ftp" as kind, *words]:
                habits = tuple((word.split("=")[0], word.split("=")[1]) for word in words if "=" in word)
                work.append(Work(kind, tuple(word for word in words if "=" not in word), habits))
            case [name, *words] if name in parts:
                parts[name] = _read(parts[name], dict(word.split("=") for word in words))
            case _:
                raise ValueError(f"not a line of a scenario: {line!r}")
    client, net, replication = parts["client"], parts["net"], parts["replication"]
    assert isinstance(client, Client)
    assert isinstance(net, Net)
    assert isinstance(replication, Replication)
    return Scenario(seed, client, net, replication, tuple(work), tuple(moves), lingers, trees)


def _read(default: Client | Net | Replication, said: dict[str, str]) -> Client | Net | Replication:
    values = {}
    for name, word in said.items():
        kind = type(getattr(default, name))
        values[name] = bool(int(word)) if kind is bool else kind(word)
    return type(default)(**values)
