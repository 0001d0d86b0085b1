"""What is known of all servers' trees, as words, bars and news for the process tree-sync. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from twinboot.tree_sync.logic.codec import Altered
from twinboot.tree_sync.logic.model import Settings, TreesStatus

Words = dict[str, dict[str, str]]
_DAY_S = 86_400.0
_MB = 1e6


def settings_of(site: Mapping[str, Any]) -> Settings:
    """The settings that a site, in JSON values, gives."""
    said = site.get("tree_sync") or {}
    return Settings(
        enabled=said.get("enabled", True) is True,
        fetch_rate=float(said.get("rate_mb_s") or 0) * _MB,
        check_every_s=float(said.get("check_days") or 0) * _DAY_S,
        check_rate=float(said.get("check_mb_s") or 0) * _MB,
    )


def folders_of(site: Mapping[str, Any]) -> dict[str, list[str]]:
    """By folder of the trees folder, the site's names of trees in it."""
    found: dict[str, list[str]] = {}
    for name, tree in (site.get("trees") or {}).items():
        found.setdefault(str(tree["path"]).split("/")[0], []).append(name)
    return found


def routes(site: Mapping[str, Any], me: str, peer: str, up: Iterable[str]) -> tuple[str, ...]:
    """The peer's addresses, the best way first: a cable of their own, then the LAN; links that are heard
    before those that are not. up: links by which the peer is heard."""
    servers = site.get("servers") or {}
    mine, theirs = servers.get(me) or {}, servers.get(peer) or {}
    heard = frozenset(up)
    found = []
    for link, end in (theirs.get("links") or {}).items():
        own = (mine.get("links") or {}).get(link) or {}
        if end.get("kind") == "udp" and own.get("kind") == "udp" and end.get("address"):
            lan = own.get("interface") == mine.get("interface")
            found.append((link not in heard, lan, str(end["address"])))
    if theirs.get("address"):
        lan_heard = any(lan and not silent for silent, lan, _ in found)
        found.append((not lan_heard, True, str(theirs["address"])))
    return tuple(dict.fromkeys(address for _, _, address in sorted(found)))


def shown(
    words: Mapping[str, Mapping[str, str]], site: Mapping[str, Any], told: Mapping[str, TreesStatus | None],
    me: str,
) -> Words:
    """words: of the site's trees, as they were compared. With what is being fetched or was removed, and with
    trees that the site does not name. told: of this server and all live ones."""
    folders = folders_of(site)
    found: Words = {name: dict(row) for name, row in words.items()}
    own = told.get(me)
    for folder in sorted({name for one in told.values() if one is not None
                          for name in (*one.trees, *one.copies)}):
        names = [name for name in folders.get(folder, ()) if name in found]
        for name in names or ([] if folder in folders else [folder]):
            row = found.setdefault(name, {})
            for server, one in told.items():
                if not names:
                    row[server] = _word(folder, one, own, is_own=server == me)
                if one is not None and folder in one.copies:
                    row[server] = "copying" if one.copies[folder].source else "unfinished"
                elif row.get(server) == "missing" and one is not None and any(
                        removal.name == folder for removal in one.removed):
                    row[server] = "removed"
    return found


def _word(folder: str, one: TreesStatus | None, own: TreesStatus | None, *, is_own: bool) -> str:
    if one is None:
        return "unknown"
    tree = one.trees.get(folder)
    mine = own.trees.get(folder) if own is not None else None
    if tree is None:
        return "missing"
    if tree.altered:
        return "altered"
    if is_own or mine is None:
        return "as imported"
    return "same" if tree.contents == mine.contents else "differs"


def copies(told: Mapping[str, TreesStatus | None]) -> dict[str, dict[str, dict[str, Any]]]:
    """How far each copy is, by server and tree."""
    return {
        server: {name: {"from": copy.source, "done": copy.done, "size": copy.size, "left_s": copy.left_s}
                 for name, copy in one.copies.items() if copy.source}
        for server, one in told.items()
        if one is not None and any(copy.source for copy in one.copies.values())
    }  # fmt: skip


def digests(own: TreesStatus, used: Iterable[str]) -> dict[str, str]:
    """Digest by tree, for the trees here that the site uses."""
    wanted = frozenset(used)
    return {name: tree.digest for name, tree in own.trees.items() if name in wanted}


def altered_text(name: str, found: Altered) -> str:
    """The alarm's text for a tree whose files were all read."""
    more = f", and {found.count - 1} files more" if found.count > 1 else ""
    first = found.paths[0] if found.paths else "?"
    return f"the tree {name} is not as it was imported: {first}{more}"
