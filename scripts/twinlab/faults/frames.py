"""Drops frames while every carrier stays up: rx-dead, tx-dead and isolated servers, a LAN cut in two.

Owns nftables tables of the family `bridge` in the host's network, one for each server and one for a lab's
split. They filter between the host's end of a cable and the LAN's bridge, so nothing inside a server (not
even a packet socket) receives what they drop. Removing a table heals.
"""

from __future__ import annotations

from collections.abc import Sequence

from twinlab.faults.cable import ends
from twinlab.host.shell import on_host

SENT = ("sent", "hook prerouting priority -300", "iifname")
RECEIVED = ("received", "hook postrouting priority 300", "oifname")
"""Before and after all other hooks; frames of the host itself (the LAN's router) pass them, too."""


def _table(lab: str, of: str) -> str:
    # two underscores: a lab called `a` must not find the tables of one called `a-b`
    return f"twinlab_{lab}__{of}".replace("-", "_")


def restore(lab: str, *of: str) -> str:
    """Shell lines that let the frames of these servers pass again, and join a LAN that was cut."""
    tables = [_table(lab, one) for one in (*of, "split")]
    # nft(8): `add table` does nothing when the table is there, `delete` fails when it is not
    return "\n".join(f"nft 'add table bridge {table}; delete table bridge {table}'" for table in tables)


def drop_frames(
    lab: str, server: str, container: str, *, sent: bool, received: bool, only: str = ""
) -> float:
    """Drop what the server sends or receives on the LAN; with `only`, IPv4 that matches (udp dport 9)."""
    table = _table(lab, server)
    what = f"ether type ip {only} drop" if only else "drop"
    rules = [f"add table bridge {table}", f"delete table bridge {table}", f"add table bridge {table}"]
    for (chain, hook, side), wanted in ((SENT, sent), (RECEIVED, received)):
        if wanted:
            rules += [
                f"add chain bridge {table} {chain} {{ type filter {hook}; }}",
                f"add rule bridge {table} {chain} {side} $cables {what}",
            ]
    return float(on_host(f'{ends(container, "eth0")}\ndate +%s.%N\nnft "{"; ".join(rules)}"'))


def split_lan(lab: str, half: Sequence[str]) -> float:
    """Cut the LAN in two: these containers see each other, and none of the others."""
    table = _table(lab, "split")
    found = "".join(f'{ends(container, "eth0")}\nhalf="$half${{half:+,}}"$cables\n' for container in half)
    rules = "; ".join((
        f"add table bridge {table}",
        f"delete table bridge {table}",
        f"add table bridge {table}",
        f"add set bridge {table} half {{ type ifname; elements = {{ $half }}; }}",
        f"add chain bridge {table} between {{ type filter hook forward priority 0; }}",
        f"add rule bridge {table} between iifname @half oifname != @half drop",
        f"add rule bridge {table} between iifname != @half oifname @half drop",
    ))  # fmt: skip
    return float(on_host(f'half=\n{found}\ndate +%s.%N\nnft "{rules}"'))


def remove_tables(lab: str) -> None:
    """Remove every table of a lab, whatever its servers were called."""
    mine = f"awk '$2 == \"bridge\" && index($3, \"{_table(lab, '')}\") == 1 {{ print $3 }}'"
    on_host(f"for table in $(nft list tables | {mine}); do nft delete table bridge $table; done")
