"""The text of a site file with a server more, or without one. Pure: comments and order stay (ruamel.yaml)."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from twinboot.site import Site, loads
from twinboot.site.model.links import UdpLink

MIN_SERVERS = 2


class MembershipError(Exception):
    """The site cannot have, or lose, this server; the text says why."""


def with_server(
    text: str, name: str, address: str, interface: str, links: Mapping[str, Mapping[str, str]]
) -> str:
    """The server comes last in the order of every group. links: of its own beside those that go over the
    LAN addresses of all. MembershipError; SiteError when the new site has faults."""
    site = loads(text)
    entry = {"address": address, "interface": interface, "links": _links(site, links)}
    if name in site.servers:
        raise MembershipError(f"{name} is in the site already: invite it without --address")

    def change(root: Any) -> None:
        root["servers"][name] = entry
        for group in root["groups"].values():
            group["order"].append(name)

    return _edited(text, change)


def without_server(text: str, name: str) -> str:
    """MembershipError; SiteError."""
    site = loads(text)
    if name not in site.servers:
        raise MembershipError(f"{name} is not in the site; its servers are {', '.join(site.servers)}")
    if len(site.servers) <= MIN_SERVERS:
        raise MembershipError(f"a site has {MIN_SERVERS} servers at least, so {name} cannot leave: let "
                              "another one join first (scripts/twinboot invite), or only stop it: make down")
    alone = [group for group, one in site.groups.items() if set(one.order) == {name}]
    if alone:
        raise MembershipError(f"{name} alone may hold group {alone[0]}: give groups.{alone[0]}.order another "
                              "server first, and apply that")

    def change(root: Any) -> None:
        del root["servers"][name]
        for group in root["groups"].values():
            while name in group["order"]:
                group["order"].remove(name)

    return _edited(text, change)


def _links(site: Site, more: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Links over the servers' own LAN addresses need nothing but their names."""
    names = {name for server in site.servers.values() for name in server.links}
    unknown = sorted(set(more) - names)
    if unknown:
        raise MembershipError(f"no server has a link {unknown[0]}; the links are {', '.join(sorted(names))}")
    found: dict[str, dict[str, str]] = {}
    for name in sorted(names):
        ends = [(server.address, server.links.get(name)) for server in site.servers.values()]
        lan = all(isinstance(end, UdpLink) and end.address == own for own, end in ends)
        if name in more:
            found[name] = {"kind": "udp", **more[name]}
        elif lan:
            found[name] = {"kind": "udp"}
    if not found:
        raise MembershipError("no link goes over the LAN addresses of all servers: name one of "
                              f"{', '.join(sorted(names))} with --link NAME=ADDRESS@INTERFACE")
    return found


def _edited(text: str, change: Callable[[Any], None]) -> str:
    """What comes out is compared with what is wanted, scalar by scalar as they are written."""
    from ruamel.yaml import YAML

    document = YAML()
    document.preserve_quotes = True
    document.width = 4096
    if text.lstrip().startswith("{"):
        raise MembershipError("the site in use is no YAML file: edit config/site.yaml, and apply it")
    root, out = document.load(text), io.StringIO()
    change(root)
    document.dump(root, out)
    wanted = yaml.load(text, Loader=yaml.BaseLoader)
    change(wanted)
    if yaml.load(out.getvalue(), Loader=yaml.BaseLoader) != wanted:
        raise MembershipError("config/site.yaml cannot be changed without changing more: edit it by hand, "
                              "and scripts/twinboot apply")
    loads(out.getvalue())
    return out.getvalue()
