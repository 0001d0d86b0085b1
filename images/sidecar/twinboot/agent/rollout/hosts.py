"""Machines come into the site and leave it by the page or the API: worked out from the site in use, shown
when only that is asked for, and applied on all servers as any other change.

{"cmd": "enroll", "machines": [{"mac": MAC or MAC,MAC, "name": NAME or ""}...], "name", "address", "profile",
"group", "subnet": TEXT or "", "uuid", "no_ask": bool} | {"cmd": "unenroll", "hosts": [NAME...],
"may_erase": bool} | {"cmd": "hosts-import", "text": CSV or JSON, "replace", "may_erase", "no_ask": bool,
"subnet": TEXT or ""}: with "ask" it is only told what would change. digest, base: of what was looked at;
empty: whatever comes out. without: servers that are away.
{"cmd": "hosts", "format": "csv" or "json"} | {"cmd": "choices"}: what an entry can name.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any, Protocol

from twinboot.adapters.lan import arp
from twinboot.enrolment import enrolling, merging, rows
from twinboot.errors import ResourceError
from twinboot.rollout.model import Committed

from . import subprocess_jobs, texts

if TYPE_CHECKING:
    from twinboot.enrolment.change import SiteFileChange
    from twinboot.site import Site

COMMANDS = ("enroll", "unenroll", "hosts-import", "hosts", "choices")
_MAX_LINES = 500
_OPTION = re.compile(r"--([a-z]+)(?:-([a-z]+))?")
Answering = Callable[[str, Collection[IPv4Address]], Mapping[IPv4Address, str]]
Run = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]


class Sites(Protocol):
    """driver.Rollout, or a stand-in."""

    @property
    def committed(self) -> Committed: ...

    async def propose(self, *, digest: str, previous: bool, without: tuple[str, ...], text: str | None = None,
                      base: str = "", by: Mapping[str, Any] | None = None) -> dict[str, Any]: ...


class HostDesk:
    """heard: machines without an entry. leased: addresses that are given away. run: subprocess_jobs.run, or a
    stand-in."""

    def __init__(self, server: str, sites: Sites, *, heard: Callable[[], Sequence[Mapping[str, Any]]],
                 leased: Callable[[], Sequence[str]], run: Run = subprocess_jobs.run) -> None:
        self._server, self._sites = server, sites
        self._heard, self._leased, self._run = heard, leased, run

    async def answer(self, command: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answers one of COMMANDS."""
        committed = self._sites.committed
        base = str(request.get("base") or "")
        if base and base != committed.version.digest.hex():
            return texts.meanwhile(committed, None)
        made = await self._run("hosts", {
            "server": self._server, "command": command, "request": dict(request),
            "site": texts.of_committed(committed), "heard": [dict(one) for one in self._heard()],
            "leased": list(self._leased()),
        })  # fmt: skip
        if command in ("hosts", "choices"):
            return made
        text = made.pop("text", None)
        if not made["ok"] or request.get("ask") or text is None:
            return made
        if request.get("digest") and request["digest"] != made["digest"]:
            return {"ok": False, "status": 409, "error": "another change would come out of it now than the "
                    "one that was looked at (an address was taken meanwhile, perhaps): look again"}
        reply = await self._sites.propose(
            text=text, digest=made["digest"], base=made["base"], previous=False, by=request.get("by"),
            without=tuple(str(one) for one in request.get("without") or ()),
        )  # fmt: skip
        if not reply["ok"]:
            return reply
        number = int(reply["attempt"]["number"])
        return {**made, "number": number, "applied": True,
                "message": f"site {number}: every server checks it"}


# Apart ------------------------------------------------------------------------------------------------


def hosts_job(said: Mapping[str, Any], answering: Answering = arp.answering) -> dict[str, Any]:
    """What a command changes, or all that is wrong. text: of the changed site; not there when nothing
    changes. answering: who has which address on the LAN of an interface."""
    command, request, committed = said["command"], said["request"], texts.to_committed(said["site"])
    if command in ("hosts", "choices"):
        return _told(command, request, committed)
    return _Work(said, answering).made(command, request, committed)


class _Work:
    """What is known: the site in use, machines that have asked, addresses that are given away."""

    def __init__(self, said: Mapping[str, Any], answering: Answering) -> None:
        self._server, self._answering = str(said["server"]), answering
        self._heard = {one["mac"]: one for one in said["heard"]}
        self._leased = frozenset(IPv4Address(one) for one in said["leased"])

    def made(self, command: str, request: Mapping[str, Any], committed: Committed) -> dict[str, Any]:
        site, notes, places = _site_of(committed.text), list[str](), None
        try:
            if command == "enroll":
                change = self._enrol(site, request, notes)
            elif command == "unenroll":
                change = enrolling.unenrol(
                    site, [str(one) for one in request.get("hosts") or ()],
                    may_erase=bool(request.get("may_erase")),
                )  # fmt: skip
            else:
                change, places = self._merge(site, request, notes)
        except enrolling.Refused as exc:
            faults = [_OPTION.sub(_field, line) for line in exc.lines]
            return {"ok": False, "status": 422, "error": "nothing was changed", "errors": faults}
        return _outcome(committed, change, notes, places)

    def _enrol(self, site: Site, request: Mapping[str, Any], notes: list[str]) -> SiteFileChange:
        said = {key: str(request.get(key) or "") for key in ("name", "profile", "group", "subnet")}
        machines = [one for one in request.get("machines") or () if isinstance(one, Mapping)]
        targets = [f"{one.get('mac')}={one['name']}" if one.get("name") else str(one.get("mac"))
                   for one in machines]  # fmt: skip
        wish = enrolling.Enrolment(
            targets=targets, address=str(request.get("address") or enrolling.AUTO),
            with_uuid=bool(request.get("uuid")), **said,
        )  # fmt: skip
        return enrolling.enrol(site, wish, self._server, heard=self._heard, leased=set(self._leased),
                               answering=self._asking(site, request, notes))  # fmt: skip

    def _merge(self, site: Site, request: Mapping[str, Any], notes: list[str]
               ) -> tuple[SiteFileChange, Mapping[str, str]]:
        found = rows.read(str(request.get("text") or "").encode())
        near = site.subnet_of(site.servers[self._server].address)
        if subnet := str(request.get("subnet") or ""):
            near = next((one for one in site.subnets if str(one.network) == subnet), None)
            if near is None:
                there = ", ".join(str(one.network) for one in site.subnets)
                raise enrolling.Refused([f"no subnet {subnet!r}; there are: {there}"])
        made = merging.merge(
            site, found.rows, subnet=near, replace=bool(request.get("replace")) and not found.faults,
            may_erase=bool(request.get("may_erase")), leased=lambda: self._leased,
            answering=self._asking(site, request, notes),
        )  # fmt: skip
        if faults := [*found.faults, *made.faults]:
            raise enrolling.Refused(faults[:texts.MAX_SHOWN])
        return made.change, made.places

    def _asking(self, site: Site, request: Mapping[str, Any], notes: list[str]
                ) -> Callable[[Sequence[IPv4Address]], Mapping[IPv4Address, str]]:
        """Returns the question whether addresses are answered on this server's own LAN; others are not asked
        about."""
        here = site.servers[self._server]
        subnet = site.subnet_of(here.address)

        def ask(some: Sequence[IPv4Address]) -> Mapping[IPv4Address, str]:
            if request.get("no_ask"):
                return {}
            near = [one for one in some if subnet is not None and one in subnet.network]
            try:
                return self._answering(here.interface, near)
            except ResourceError as exc:
                notes.append(f"  NOTE: the LAN was not asked who has an address: {exc}")
                return {}

        return ask


def _outcome(committed: Committed, change: SiteFileChange, notes: list[str], places: Mapping[str, str] | None
             ) -> dict[str, Any]:
    from twinboot.site import SiteError, identity
    from twinboot.site.editing import EditError, edited

    lines = [_OPTION.sub(_field, line) for line in (*notes, *change.lines)]
    more = len(lines) - _MAX_LINES
    if more > 0:
        lines = [*lines[:_MAX_LINES - 1], f"  and {more + 1:,} lines more", lines[-1]]
    entries = {path[1]: value for path, value in change.put.items() if len(path) == 2}
    made: dict[str, Any] = {
        "ok": True, "base": committed.version.digest.hex(), "digest": "", "lines": lines,
        "entries": entries if len(entries) <= _MAX_LINES else {}, "applied": False, "number": 0,
        "message": "nothing to change",
    }  # fmt: skip
    if not change.put and not change.drop:
        return made
    try:
        text = edited(committed.text, change.put, change.drop)
        digest = identity.digest(_site_of(text)).hex()
    except EditError as exc:
        return {"ok": False, "status": 422, "error": f"the site file: {exc}; nothing was changed"}
    except SiteError as exc:
        return texts.refused_for("the site file would have faults", exc.faults, "", places or {})
    return {**made, "digest": digest, "text": text, "message": "nothing was changed: this was only asked"}


def _told(command: str, request: Mapping[str, Any], committed: Committed) -> dict[str, Any]:
    site = _site_of(committed.text)
    if command == "choices":
        from twinboot.site.model.site import BalancingMode

        parity = site.balancing.mode is BalancingMode.PARITY
        return {
            "ok": True, "profiles": {name: one.tree for name, one in site.profiles.items()},
            "groups": list(site.groups) if parity else [],
            "subnets": [str(one.network) for one in site.subnets],
        }  # fmt: skip
    hosts = ((name, merging.entry_of(host)) for name, host in site.hosts.items())
    text = rows.as_json(hosts) if request.get("format") == "json" else rows.as_csv(hosts)
    return {"ok": True, "text": text}


def _site_of(text: str) -> Site:
    from twinboot.site import loads

    return loads(text, json_text=text.lstrip().startswith("{"))


def _field(found: re.Match[str]) -> str:
    """An option of the command line in the words of the API."""
    return f"`{found[1]}_{found[2]}`" if found[2] else f"`{found[1]}`"
