"""What a server keeps on its disk over restarts: every file that stands in the volumes `state` and `leases`.

One table. Who writes such a file takes its place from here; a backup holds what has a `part`, and of the
others it says why it does not (commands/backup). The DHCP engine's own file of leases is not in it: it is
made of ours before the engine starts. Tests compare the table with all that writes there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from . import paths

LOG_BYTES = 64 << 20
"""Size limit of all logs of machines together, here and in a backup; and of other folders in a backup."""


class Volume(Enum):
    STATE = "state"
    LEASES = "leases"


@dataclass(frozen=True, slots=True)
class KeptFile:
    """name: below its volume; of a folder when it ends in a slash. part: its name in a backup; empty: it is
    in none, for the reason that left_out says. mode: of the file."""

    volume: Volume
    name: str
    part: str = ""
    left_out: str = ""
    mode: int = 0o600


MACHINES = KeptFile(Volume.STATE, "machines.sqlite", "machines.json")
LEASES = KeptFile(Volume.LEASES, "twinboot.leases", "leases", mode=0o640)
HISTORY = KeptFile(Volume.STATE, "history.json", "history.json")
AUDIT = KeptFile(Volume.STATE, "audit.jsonl", "audit.jsonl")
AUDIT_OLDER = KeptFile(Volume.STATE, f"{AUDIT.name}.1", f"{AUDIT.part}.1")
UNKNOWN_MACHINES = KeptFile(Volume.STATE, "unknown-machines.jsonl", "unknown-machines.jsonl")
LOGS = KeptFile(Volume.STATE, f"{paths.MACHINE_LOGS.name}/", "logs.jsonl")
SITES = KeptFile(Volume.STATE, "sites/", "sites.jsonl")
RECORD = KeptFile(Volume.STATE, paths.SITE_RECORD.name, "site.json")
RESTARTS = KeptFile(Volume.STATE, "restarts.json",
                left_out="of daemons that run: where a backup is restored all of them start anew")
WEBHOOKS = KeptFile(Volume.STATE, "webhooks.jsonl",
                left_out="events that waited then: they were sent since, or would tell of what is long over")
PEER_MACS = KeptFile(Volume.STATE, "peer-macs.json",
                 left_out="of network cards that may be others by then; each heartbeat tells them again")
DISK_PROBE = KeptFile(Volume.STATE, "disk-probe", left_out="written to see whether the disk can be written")
PERMIT = KeptFile(Volume.LEASES, "serve", left_out="what dhcpd may serve now; written before it starts")

TABLE = (MACHINES, LEASES, HISTORY, AUDIT, AUDIT_OLDER, UNKNOWN_MACHINES, LOGS, SITES, RECORD,
         RESTARTS, WEBHOOKS, PEER_MACS, DISK_PROBE, PERMIT)
"""In the order in which a restore writes them: the records of machines first, the site in use last."""

BESIDE = ("-wal", "-shm", ".new", ".part")
"""What may stand after a file's name while it is written: SQLite's log, a new one before it takes the place
of the old."""


def known(volume: Volume, name: str) -> KeptFile | None:
    """The row that a file's path below its volume is of; None: nobody is known to write it."""
    for one in TABLE:
        whole = [one.name, *(f"{one.name}{after}" for after in BESIDE)]
        within = one.name.endswith("/") and name.startswith(one.name)
        if one.volume is volume and (within or name in whole):
            return one
    return None
