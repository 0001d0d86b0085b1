"""What is to be done next, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .model import Removal, Tree


@dataclass(frozen=True, slots=True)
class Source:
    """A server, and the address by which it is asked."""

    peer: str
    address: str


@dataclass(frozen=True, slots=True)
class Begin:
    """Fetch the manifest with this digest, look at what lies there of the tree already, look at the room."""

    name: str
    tree: Tree
    source: Source


@dataclass(frozen=True, slots=True)
class Fetch:
    """One file of the tree that was begun, or what is lacking of it."""

    name: str
    tree: Tree
    path: str
    size: int
    source: Source


@dataclass(frozen=True, slots=True)
class Publish:
    """All is there. instead_of: contents of the tree whose place it takes; empty: there must be none."""

    name: str
    tree: Tree
    instead_of: str


@dataclass(frozen=True, slots=True)
class Remove:
    """A tree that some server has removed everywhere. digest: of the tree here."""

    removal: Removal
    digest: str


@dataclass(frozen=True, slots=True)
class Discard:
    """Remove what was fetched of a tree that was removed meanwhile."""

    name: str


Job = Begin | Fetch | Publish | Remove | Discard


class JobOutcome(Enum):
    """What came of a job."""

    DONE = "done"
    UNREACHABLE = "the server was not reached"
    CUT = "the connection ended, and something had come"
    GONE = "the server does not have it any more"
    WRONG = "what the server gave is not what was told"
    REFUSED = "the disk has something else there"
    NO_ROOM = "there is no room"
    DISK = "the disk could not be written or read"
    BUSY = "somebody else works on it"
    STOPPED = "this process ends"


@dataclass(frozen=True, slots=True)
class Result:
    """text: for people, where it went wrong. lacking: of Begin, paths and sizes that are not there yet, and
    of Publish, those that turned out not to be whole. done: bytes that are there. again: of Publish, it was
    not published yet."""

    outcome: JobOutcome
    text: str = ""
    lacking: tuple[tuple[str, int], ...] = ()
    done: int = 0
    again: bool = False


DONE = Result(JobOutcome.DONE)
