"""Install trees that are not here yet, and that other servers have: they come when the stack runs.

Asked by HTTP, of whoever answers at the other servers' addresses: enough to choose between a fault and a
warning. What is fetched later is proven (tree_sync).
"""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from twinboot.trees.manifest import FILE_NAME

if TYPE_CHECKING:
    from twinboot.site import Site

_LIMIT_S = 2.0


def asked(address: str, folder: str) -> bool:
    """Does the server at this address offer an imported tree of this name?"""
    connection = http.client.HTTPConnection(address, timeout=_LIMIT_S)
    try:
        connection.request("HEAD", f"/trees/{folder}/{FILE_NAME}")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def trees_that_come(
    site: Site, server: str, trees: Path, ask: Callable[[str, str], bool] = asked
) -> dict[str, str]:
    """By name of a tree of the site that is not on this server's disk, a server that has it."""
    if not site.tree_sync.enabled:
        return {}
    found = {}
    for name, tree in site.trees.items():
        if "/" in tree.path or (trees / tree.path).exists():
            continue  # nested ones were not imported
        having = next((peer for peer in site.servers if peer != server
                       and any(ask(one, tree.path) for one in _addresses(site, peer))), None)  # fmt: skip
        if having is not None:
            found[name] = having
    return found


def _addresses(site: Site, server: str) -> Iterator[str]:
    from twinboot.site.model.site import UdpLink

    own = site.servers[server]
    links = (str(link.address) for link in own.links.values() if isinstance(link, UdpLink))
    yield from dict.fromkeys((str(own.address), *links))
