"""A lab: servers, networks and clients of one site on this machine.

Owns the life of the whole: up, down, status, and the way to its servers, clients and instruments.
What is not in memory is read from the engine, so that another process (`scripts/lab`) finds the same lab.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import yaml

from twinlab.faults import faults, frames
from twinlab.faults import machine as breakmachine
from twinlab.host import build, engine, images, labsite, wait
from twinlab.host import client as clients
from twinlab.host.client import Client
from twinlab.host.engine import LabError, Result
from twinlab.host.layout import Layout
from twinlab.host.server import SIDECAR_CONTAINER, Server
from twinlab.measure.events import Events
from twinlab.measure.lan_recorder import LanRecorder
from twinlab.measure.prober import EVERY_S, Prober

NAME = "twinboot"
READY_S = 120.0
OWNERS_S = 60.0


def no_progress(_: str) -> None:
    """Progress for nobody."""


class Lab:
    """One lab by name. `say` takes progress lines."""

    def __init__(self, name: str = NAME, say: Callable[[str], None] = no_progress) -> None:
        if not name.replace("-", "").isalnum() or not name[0].isalpha():
            raise LabError(f"'{name}' cannot name a lab: letters, digits and dashes, a letter first")
        self.name = name
        self.say = say
        self._layout: Layout | None = None
        self._site: dict[str, Any] | None = None
        self._before_power_off: dict[str, dict[str, int]] = {}

    # --- life ---------------------------------------------------------------------------------------

    def up(
        self,
        servers: int = 2,
        site: Path | None = None,
        trees: Path | None = None,
        patch: Mapping[str, Any] | None = None,
        disk: bool = False,
        image: str = images.SERVER_IMAGE,
        bmc_secrets: Mapping[str, bytes] | None = None,
    ) -> Lab:
        """Start everything and wait until each group has exactly one owner.

        `bmc_secrets` are files that the site names, by their paths below config/secrets.
        `disk` gives each server a disk of its own for its engine, which can then be full or broken.
        """
        started = time.monotonic()
        engine.check_engine()
        if build.containers(self.name):
            first = f"scripts/lab down{self._option()}"
            raise LabError(f"the lab '{self.name}' is there already: `{first}` first")
        text = labsite.prepare(site, servers, patch)
        labsite.check(text)
        try:
            images.ensure(self.say)
            store = images.store(self.say)
            self._layout = build.networks(self.name, text, default=self.name == NAME)
            self._site = build.moved_site(text, self._layout)
            self.say(f"starting {len(self._site['servers'])} servers on {self._layout.lan}")
            build.servers(self._layout, self._site, store, trees or build.trees(), image=image, disk=disk,
                          bmc_secrets=bmc_secrets)  # fmt: skip
            self._wait_ready()
            self.wait_owned()
        except KeyboardInterrupt:
            self.down()
            raise
        except BaseException as exc:
            report = self.report()
            self.down()
            raise LabError(f"{exc}\n\n{report}") from exc
        delay_s = self.site["heartbeat"]["timers"]["failback_delay_s"]
        self.say(f"here a server takes its group back after {delay_s:g} s (failback_delay_s)")
        self.say(f"up after {time.monotonic() - started:.1f} s")
        return self

    def down(self) -> None:
        """Remove all that belongs to this lab. Does nothing when there is nothing."""
        with build.uninterrupted():
            if build.containers(self.name, servers_only=True):
                frames.remove_tables(self.name)
            for container in build.containers(self.name, servers_only=True):
                breakmachine.thaw(container)
            build.remove(self.name)
        self._layout = self._site = None
        self._before_power_off.clear()

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    # --- what it is -----------------------------------------------------------------------------------

    @property
    def layout(self) -> Layout:
        if self._layout is None:
            self._layout = build.find(self.name)
        return self._layout

    @property
    def site(self) -> dict[str, Any]:
        """The site file the servers run with, as plain mappings."""
        if self._site is None:
            first = next(iter(build.containers(self.name)), None)
            if first is None:
                raise LabError(f"there is no lab '{self.name}': `scripts/lab up{self._option()}`")
            self._site = yaml.safe_load(engine.read_file(first, "/opt/twinboot/config/site.yaml"))
        assert self._site is not None
        return self._site

    @property
    def servers(self) -> dict[str, Server]:
        return {n: Server(n, self.layout.container(n), self.layout.lan) for n in self.site["servers"]}

    def server(self, which: int | str) -> Server:
        """A server by number (from 1) or name."""
        name = f"server{which}" if isinstance(which, int) else which
        try:
            return self.servers[name]
        except KeyError:
            raise LabError(f"no server '{name}' here; there are {', '.join(self.servers)}") from None

    def address(self, group: str) -> str:
        """The virtual address of a group."""
        return str(self.site["groups"][group]["address"])

    @property
    def addresses(self) -> dict[str, str]:
        return {group: self.address(group) for group in self.site["groups"]}

    def status(self) -> dict[str, dict[str, Any] | None]:
        """Each server's own view, None for one that does not answer."""
        servers = self.servers
        with ThreadPoolExecutor(len(servers)) as pool:
            return dict(zip(servers, pool.map(Server.status, servers.values()), strict=True))

    def owners(self) -> dict[str, list[str]]:
        """For each group the servers that say they hold it."""
        views = self.status()
        return {g: [s for s, view in views.items() if held(view, g)] for g in self.site["groups"]}

    def wait_owned(
        self, wanted: Mapping[str, str] | None = None, timeout_s: float = OWNERS_S
    ) -> dict[str, str]:
        """Wait until each group has exactly one owner (the `wanted` one), and hand the owners out."""

        def look() -> dict[str, str] | None:
            found = self.owners()
            if any(len(who) != 1 for who in found.values()):
                return None
            owners = {group: who[0] for group, who in found.items()}
            return owners if all(owners[g] == s for g, s in (wanted or {}).items()) else None

        what = f"owners {dict(wanted)}" if wanted else "one owner of every group"
        return wait.until(look, what, timeout_s=timeout_s)

    def report(self) -> str:
        """Logs, addresses and containers of every server, for a person."""
        return "\n".join(
            Server(n.removeprefix(f"{self.name}-"), n, self.layout.lan).report()
            for n in build.containers(self.name, servers_only=True)
        )

    # --- clients ------------------------------------------------------------------------------------

    def client(self, *command: str, check: bool = True, timeout_s: float = 300, **options: Any) -> Result:
        """Run a command in a throw-away client (options: mac, name, ip, dns)."""
        return clients.run(self.layout, command, check=check, timeout_s=timeout_s, **options)

    def machine(self, *command: str, **options: Any) -> AbstractContextManager[Client]:
        """A client that stays for the block (options: mac, name, ip, dns)."""
        return clients.machine(self.layout, *command, **options)

    def prober(
        self, addresses: Sequence[str] | None = None, every_s: float = EVERY_S
    ) -> AbstractContextManager[Prober]:
        """Watch who answers for these addresses (all virtual ones) during the block."""
        return Prober.watch(self.layout, list(addresses or self.addresses.values()), every_s)

    def lan_recorder(self, host: str = "cli128") -> AbstractContextManager[LanRecorder]:
        """Watch every virtual address and the DHCP service, as this host of the site, during the block."""
        mac = str(self.site["hosts"][host]["mac"])
        return LanRecorder.watch(self.layout, list(self.addresses.values()), mac)

    def events(self, container: str = SIDECAR_CONTAINER) -> AbstractContextManager[Events]:
        """Follow every sidecar's log (or another container's) during the block, as one stream."""
        return Events.follow(self.servers, container)

    def boot(self, host: str, firmware: str = "bios", **options: Any) -> Client:
        """Boot a virtual machine with the hardware address of this host of the site."""
        from twinlab.host import vm  # late: only labs with virtual machines need its image

        return vm.boot(self.layout, self.site, host, firmware, say=self.say, **options)

    # --- measuring ----------------------------------------------------------------------------------

    def wire_bytes(self) -> dict[str, dict[str, int]]:
        """Bytes each server has sent to each client on the LAN since `up`, power-offs included."""
        totals: dict[str, dict[str, int]] = {}
        for name, server in self.servers.items():
            total = dict(self._before_power_off.get(name, {}))
            if server.power == "running":
                for (_, address), count in server.wire_bytes().items():
                    total[address] = total.get(address, 0) + count
            totals[name] = total
        return totals

    def keep_wire_bytes(self, name: str) -> None:
        """Note a server's counters before its power goes, and they with it."""
        self._before_power_off[name] = self.wire_bytes()[name]

    # --- faults -------------------------------------------------------------------------------------

    @contextmanager
    def fault(self, name: str, server: int | str, *words: str) -> Iterator[float]:
        """Have this fault for the length of the block; it heals at the end, come what may."""
        target = self.server(server)
        try:
            yield faults.inject(self, name, target, *words)
        finally:
            faults.heal(self, target)

    def heal(self) -> None:
        """Put right whatever any fault has done to any server."""
        servers = list(self.servers.values())
        with ThreadPoolExecutor(len(servers)) as pool:
            list(pool.map(lambda server: faults.heal(self, server), servers))

    def end_hold_downs(self) -> None:
        """End every hold-down: restart the sidecars, which remember who lost its health how often."""
        for number in range(len(self.servers), 0, -1):
            views = [view for view in self.status().values() if view is not None]
            holds = [one["hold_down_s"] for view in views for one in (view, *view["peers"].values())]
            if not any(holds):
                return
            server = self.server(number)
            server.docker("restart", SIDECAR_CONTAINER)
            wait.until(lambda s=server: active(s.status()), f"{server.name}'s sidecar", timeout_s=READY_S)  # type: ignore[misc]

    # --- inside -------------------------------------------------------------------------------------

    def _option(self) -> str:
        return "" if self.name == NAME else f" --name {self.name}"

    def _wait_ready(self) -> None:
        servers = self.servers.values()

        def alive() -> None:
            for server in servers:
                if server.power not in ("running", "paused"):
                    raise LabError(f"{server.name} ended while starting")

        def ready() -> bool:
            return all(server.booted() for server in servers)

        wait.until(ready, "the servers' engines and stacks", timeout_s=READY_S, alive=alive)
        self.say("the stacks are started, waiting for owners")


def active(view: Mapping[str, Any] | None) -> bool:
    return view is not None and view["state"] == "active"


def held(view: Mapping[str, Any] | None, group: str) -> bool:
    """Whether a server with this view holds the group, by its own account."""
    if view is None:
        return False
    mine = view["groups"].get(group, {})
    return bool(mine.get("state") == "held")
