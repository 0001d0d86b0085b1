"""Two agents that know many machines, and installers that report to them: what test_machines.py starts in a
container of the image `netns`, and whose figures it prints. Called with a folder, the number of machines
known, of those that install, and seconds.

Each installing machine says every 10 s how far it is, as the rendered scripts do, to the server that has its
address. A page runs beside, on what server2 knows, with its socket in the folder's `page`. Figures are a line
of JSON: of each phase, by server, the shares of a core in windows of WINDOW_S, the resident memory, and the
delays from a report's answer to its showing in an open page.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import netns_rig
import yaml
from netns_rig import SITE, Rig, Server, until
from twinboot.adapters.machine_store import MachineStore
from twinboot.kept import MACHINES
from twinboot.machines.record import Record, Step, encode
from twinboot.planning.plan import SitePlan
from twinboot.render.machine_facts import machine_facts
from twinboot.site import loads

EVERY_S = 10.0
WINDOW_S = 5.0
SETTLE_S = 5.0
PACKAGES = 100_000
TICKS = os.sysconf("SC_CLK_TCK")
PROFILED = """
import atexit, cProfile, io, pstats
def told(profile=cProfile.Profile()):
    profile.disable()
    with (base / "profile").open("w") as out:
        pstats.Stats(profile, stream=out).sort_stats("tottime").print_stats(60)
        pstats.Stats(profile, stream=out).sort_stats("cumulative").print_stats(70)
told.__defaults__[0].enable()
atexit.register(told)
sys.exit(main("""


def name_of(number: int) -> str:
    return f"n{number:05}"


def address_of(number: int) -> str:
    return str(IPv4Address("10.1.0.0") + 256 + number)


def site_of(known: int) -> str:
    site = yaml.safe_load(SITE)
    site["subnets"].append({"network": "10.1.0.0/16", "router": "10.1.0.1", "profile": "p",
                            "relays": ["10.1.0.1"]})
    site["trees"] = {"t": {"path": "t", "kernel": "vmlinuz", "initrd": "initrd.img"}}
    site["profiles"] = {"p": {"tree": "t", "version": "RHEL9"}}
    site["hosts"] = {
        name_of(number): {
            "mac": f"52:54:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}",
            "address": address_of(number),
        }
        for number in range(known)
    }  # fmt: skip
    return json.dumps(site)


def prepare(server: Server, text: str, known: int, installing: int) -> None:
    """Those that do not install were installed long ago."""
    site = loads(text)
    (server.base / "current/sidecar/machines.json").write_text(machine_facts(SitePlan(site)))
    state = server.base / "state"
    state.mkdir()
    store = MachineStore(state / MACHINES.name)
    store.write({
        name: encode(Record(step=Step.DONE, token=f"{number:064x}", number=1500, of=1500, kib=2_000_000,
                            profile="p", macs=tuple(site.hosts[name].mac), turn=150, at=1.7e9,
                            server="server1"))
        for number in range(installing, known) if (name := name_of(number))
    })  # fmt: skip
    store.close()


@dataclass
class Load:
    """The installers. sent: by machine and its count, when its report was answered."""

    servers: list[Server]
    sent: dict[tuple[str, int], float] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)
    late_s: list[float] = field(default_factory=list)
    """How long the answers of reports took."""

    async def ask(self, server: Server, number: int, event: str, more: str = "") -> str:
        target = f"/report/{name_of(number)}/{event}?token={number:032x}{more}"
        fields = ("CONTENT_LENGTH", "0", "SCGI", "1", "REQUEST_METHOD", "GET", "REQUEST_URI", target,
                  "REMOTE_ADDR", address_of(number))  # fmt: skip
        head = "".join(f"{one}\0" for one in fields).encode()
        begun = time.monotonic()
        try:
            reader, writer = await asyncio.open_unix_connection(str(server.base / "report.sock"))
            writer.write(b"%d:%s," % (len(head), head))
            said = (await reader.read()).decode().rpartition("\r\n")[2].strip()
            writer.close()
        except OSError:
            said = "none"  # as a client that asks again the next time
        self.late_s.append(time.monotonic() - begun)
        word = said.partition(" ")[0]
        self.answers[word] = self.answers.get(word, 0) + 1
        return word

    async def begin(self, number: int) -> None:
        server = self.servers[number % len(self.servers)]
        while await self.ask(server, number, "start") != "go":
            await asyncio.sleep(1.0)
        await self.ask(server, number, "step", "&name=packages")

    async def go_on(self, number: int, to: Callable[[int], Server], every_s: float, end: float) -> None:
        await asyncio.sleep(random.random() * every_s)
        while time.monotonic() < end:
            next_at, count = time.monotonic() + every_s, self.count(number)
            more = f"&n={count}&of={PACKAGES}&kib={count * 700}"
            if await self.ask(to(number), number, "progress", more) == "ok":
                self.sent[name_of(number), count] = time.monotonic()
            await asyncio.sleep(max(0.0, next_at - time.monotonic()))

    def count(self, number: int) -> int:
        self._counts[number] = self._counts.get(number, 0) + 1
        return self._counts[number]

    _counts: dict[int, int] = field(default_factory=dict)


async def events(page: Path, path: str, take: Callable[[str, str], None]) -> None:
    """Hand over each event of a stream of the page."""
    reader, writer = await asyncio.open_unix_connection(str(page), limit=64 << 20)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: page\r\n\r\n".encode())
    name = ""
    try:
        while line := (await reader.readline()).decode().rstrip():
            pass  # the head
        while raw := await reader.readline():
            line = raw.decode().rstrip()
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                take(name, line[6:])
    finally:
        writer.close()


class Watcher:
    """What an open page shows, by its two ways: the API's events, and the page's own of one machine."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self.api_s: list[float] = []
        self.page_s: list[float] = []
        self.reloads = 0
        self._shown: set[tuple[str, int]] = set()

    def take_api(self, name: str, data: str) -> None:
        now = time.monotonic()
        if name != "machines":
            return
        said = json.loads(data)
        self.reloads += bool(said["reload"])
        for one in said["changed"]:
            at = self._load.sent.get((one["name"], one["packages"]))
            if at is not None:
                self.api_s.append(now - at)

    def take_page(self, _name: str, data: str) -> None:
        now = time.monotonic()
        for found in re.finditer(rf"(\d+) of {PACKAGES} packages", data):
            key = name_of(0), int(found[1])
            if key in self._load.sent and key not in self._shown:
                self._shown.add(key)
                self.page_s.append(now - self._load.sent[key])


def used_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mb(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def page_process() -> int:
    """Its container shares our process ids."""
    for one in Path("/proc").iterdir():
        command = (one / "cmdline").read_bytes() if one.name.isdigit() else b""
        if b"twinboot_page\0serve" in command and not command.startswith(b"/usr/bin/tini"):
            return int(one.name)
    raise RuntimeError("no page runs")


async def measured(pids: dict[str, int], seconds: float) -> dict[str, Any]:
    """Percent of a core in each window, and megabytes at the end."""
    found: dict[str, Any] = {name: {"core_percent": []} for name in pids}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        before = {name: (time.monotonic(), used_s(pid)) for name, pid in pids.items()}
        await asyncio.sleep(WINDOW_S)
        for name, (at, used) in before.items():
            share = (used_s(pids[name]) - used) / (time.monotonic() - at)
            found[name]["core_percent"].append(round(100 * share, 2))
    for name, pid in pids.items():
        found[name]["resident_mb"] = round(resident_mb(pid), 1)
    return found


async def phase(rig: Rig, page: Path, pids: dict[str, int], load: Load, installing: int,
                to: Callable[[int], Server] | None, seconds: float) -> dict[str, Any]:
    """to: the server that a machine reports to; None: nobody reports."""
    end = time.monotonic() + SETTLE_S + seconds
    watcher, jobs = Watcher(load), []
    load.sent.clear()
    if to is not None:
        machines: list[Awaitable[None]] = [load.go_on(n, to, EVERY_S, end) for n in range(1, installing)]
        jobs = [asyncio.ensure_future(one) for one in (*machines, load.go_on(0, to, 1.37, end))]
    streams = [
        asyncio.ensure_future(events(page, "/api/v1/events", watcher.take_api)),
        asyncio.ensure_future(events(page, f"/ui/live?of=/ui/machines/{name_of(0)}", watcher.take_page)),
    ]
    await asyncio.sleep(SETTLE_S)
    load.answers, load.late_s = {}, []
    for one in (watcher.api_s, watcher.page_s):
        one.clear()
    found = await measured(pids, seconds)
    for job in (*jobs, *streams):
        job.cancel()
    ended = await asyncio.gather(*jobs, *streams, return_exceptions=True)
    faults = [repr(one) for one in ended if isinstance(one, Exception)]
    return {"processes": found, "api_s": watcher.api_s, "page_s": watcher.page_s, "reloads": watcher.reloads,
            "answers": dict(load.answers), "answer_s": list(load.late_s), "faults": faults[:3]}  # fmt: skip


async def run(rig: Rig, page: Path, installing: int, seconds: float) -> dict[str, Any]:
    servers = list(rig.servers.values())
    load = Load(servers)
    pids = {one.name: one.agent.pid for one in servers if one.agent is not None} | {"page": page_process()}
    found = {"at rest": await phase(rig, page, pids, load, installing, None, seconds / 2)}
    begun = time.monotonic()
    for first in range(0, installing, 50):
        await asyncio.gather(*(load.begin(n) for n in range(first, min(first + 50, installing))))
    found["begun_s"] = {"all": time.monotonic() - begun}
    found["each server half"] = await phase(
        rig, page, pids, load, installing, lambda n: servers[n % 2], seconds)
    found["one server all"] = await phase(rig, page, pids, load, installing, lambda _: servers[0], seconds)
    return found


def main(base: Path, known: int, installing: int, seconds: float) -> None:
    if os.environ.get("BENCH_PROFILE"):
        netns_rig.LAUNCH = netns_rig.LAUNCH.replace("sys.exit(main(", PROFILED)
    text = site_of(known)
    rig = Rig(base, text)
    try:
        for server in rig.servers.values():
            prepare(server, text, known, installing)
            server.start()
        page = base / "page/page.sock"
        lines = [server.base / "page-ipc/sidecar.sock" for server in rig.servers.values()]
        until(lambda: all(one.exists() for one in lines), "the agents run", rig, 60)
        print(json.dumps({"ready": True}), flush=True)
        until(page.exists, "the page runs", rig, 60)
        until(lambda: all(one.ask("machines", since="-")["ready"] for one in rig.servers.values()),
              "all is known", rig, 60)
        print(json.dumps(asyncio.run(run(rig, page, installing, seconds))), flush=True)
        if os.environ.get("BENCH_PROFILE"):
            for server in rig.servers.values():
                server.stop()
                print((server.base / "profile").read_text(), file=sys.stderr)
    finally:
        rig.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
