"""Client programs that fetch at the same time, each in a container of its own, and what became of each.

Owns the machines (image compose/lab/fetcher), their captures and the judgement: finished by itself, every
byte right, resets, seconds without data. What happens meanwhile to the servers is the caller's.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

from twinlab.faults import cable
from twinlab.host import client, images
from twinlab.host.client import Client
from twinlab.host.engine import docker
from twinlab.host.labsite import ROOT
from twinlab.host.layout import Layout
from twinlab.host.shell import on_host
from twinlab.host.wait import until
from twinlab.programs.middleboxes import BEHIND
from twinlab.programs.programs import PROGRAMS

FIRST_ADDRESS = 64
FOLDER = "rh9/fetch"
IMAGE = f"twinboot-test/fetcher:{images.VERSION}"
CAPTURES = ROOT / "build/bench/captures"
MIN_SILENCE_S = 3.0
"""A capture with a longer silence is kept there."""
HUNG = 124
"""timeout(1)'s exit status."""
_RUN = """
rm -rf /fetched/* && cd /fetched
tcpdump -i eth0 -Z root -s 96 -B 8192 --immediate-mode -U -w /wire.pcap \\
    '(tcp or udp) and host {server} and host {ip}' 2>/wire.log & dump=$!
until grep -q listening /wire.log; do sleep 0.05; done
timeout {limit} {within} bash -c {command} >/out 2>&1; code=$?
echo "ended $(date +%s.%N) $code"
sleep 0.2; kill $dump; wait $dump
sha256sum -c --quiet /fetch/{sums}.sums >/dev/null 2>&1 && echo right
tail -c 300 /out
"""


def trees() -> Path:
    """The folder to publish: small boot files, and what the programs fetch. Made once."""
    folder = ROOT / "build/lab/fetch-trees"
    fetch = folder / FOLDER
    boot = folder / "rh9/images/pxeboot"
    recipe = hashlib.sha256((ROOT / "compose/lab/fetcher/make-repositories").read_bytes()).hexdigest()
    made = fetch / "made"
    if not made.exists() or made.read_text() != recipe:
        shutil.rmtree(folder, ignore_errors=True)
        fetch.mkdir(parents=True)
        boot.mkdir(parents=True)
        for name in ("vmlinuz", "initrd.img"):
            (boot / name).write_bytes(os.urandom(1 << 20))
        (folder / "rh9/.treeinfo").write_text("[general]\nname = what programs fetch\n")
        images.build_test_image(IMAGE, print, again=True)  # its build cache knows what has changed
        owner = f"{os.getuid()}:{os.getgid()}"
        docker("run", "--rm", "--user", owner, "-v", f"{fetch}:/fetch", IMAGE, "make-repositories", "/fetch",
               timeout_s=300)
        made.write_text(recipe)
    return folder


@dataclass(frozen=True)
class Verdict:
    """What became of one fetch. silence_s: None when no data came after the fault."""

    name: str
    code: int
    right: bool
    ended: float
    resets: int
    silence_s: float | None
    data: int
    output: str = ""

    @property
    def finished(self) -> bool:
        return self.code == 0 and self.right

    @property
    def hung(self) -> bool:
        return self.code == HUNG


@dataclass
class Machine:
    """A client's container for one program and scheme; it serves several fetches, one after the other."""

    program: str
    scheme: str
    ip: str
    client: Client
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        return f"{self.program} {self.scheme}"

    @property
    def slow(self) -> bool:
        return PROGRAMS[self.program].slow

    def begin(self, address: str, *, many: bool, limit_s: float) -> None:
        program = PROGRAMS[self.program]
        base = f"{self.scheme}://{address}/trees/{FOLDER}"
        command = shlex.quote(program.command(base, self.ip, many=many))
        script = _RUN.format(server=address, ip=self.ip, limit=limit_s, command=command,
                             within=" ".join(BEHIND[program.behind][1]), sums=program.sums[many])
        self.client.sh("rm -f /wire.pcap /wire.log; touch /wire.log")
        self.process = self.client.start("bash", "-c", script)

    def view(self, address: str, *words: str) -> dict[str, float | None]:
        """What its capture says so far."""
        said = self.client.exec("/lab/wireview.py", "/wire.pcap", "--server", address, *words, check=False)
        found: dict[str, float | None] = json.loads(said.out) if said.ok else {"data": 0, "asked": False}
        return found

    @property
    def ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def finish(self, address: str, fault: float, *, waiting: bool, limit_s: float) -> Verdict:
        assert self.process is not None
        out, _ = self.process.communicate(timeout=limit_s)
        ended, code = next(line.split()[1:] for line in out.splitlines() if line.startswith("ended "))
        view = self.view(address, "--after", f"{fault:.6f}", *["--waiting"] * waiting)
        if int(code) or view.get("resets") or (view.get("silence") or 0) > MIN_SILENCE_S:
            self.keep_capture(f"-{fault:.0f}")
        lines = [line for line in out.splitlines() if not line.startswith(("ended ", "right"))]
        return Verdict(
            self.name, int(code), "right" in out.splitlines(), float(ended), int(view.get("resets") or 0),
            view.get("silence"), int(view.get("data") or 0), " / ".join(lines)[-200:],
        )

    def keep_capture(self, which: str = "") -> None:
        """The capture of what went wrong, to be looked at."""
        CAPTURES.mkdir(parents=True, exist_ok=True)
        name = f"{self.client.container}{which}.pcap"
        docker("cp", f"{self.client.container}:/wire.pcap", str(CAPTURES / name))


@dataclass
class Fetchers:
    """All machines of a run."""

    layout: Layout
    machines: list[Machine]

    @classmethod
    @contextmanager
    def on(cls, layout: Layout, programs: Iterable[str]) -> Iterator[Fetchers]:
        """A machine for each program and each scheme that it can."""
        wanted = [(name, scheme) for name in programs for scheme in PROGRAMS[name].schemes]
        with machines(layout, wanted) as found:
            yield cls(layout, found)

    def limit(self, rate: str) -> None:
        """Each machine's cable carries so much (tc(8): 8mbit)."""
        narrow(self.machines, rate)

    def begin(self, address: str, *, many: bool, limit_s: float) -> None:
        """Start them all; those that take long to begin have a start of some seconds."""
        slow = [one for one in self.machines if one.slow]
        for one in slow:
            one.begin(address, many=many, limit_s=limit_s)
        self._asked(address, slow)
        for one in self.machines:
            if not one.slow:
                one.begin(address, many=many, limit_s=limit_s)

    def under_way(self, address: str, data: int) -> None:
        """Wait until each has got so many bytes."""
        self._wait(self.machines, lambda one: (one.view(address)["data"] or 0) >= data or one.ended,
                   "the clients to be under way")

    def asked(self, address: str) -> None:
        """Wait until each has asked for its first file."""
        self._asked(address, self.machines)

    def finish(self, address: str, fault: float, *, waiting: bool, limit_s: float) -> list[Verdict]:
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(
                lambda one: one.finish(address, fault, waiting=waiting, limit_s=limit_s), self.machines))

    def _asked(self, address: str, machines: Sequence[Machine]) -> None:
        self._wait(machines, lambda one: bool(one.view(address)["asked"]) or one.ended, "the clients to ask")

    def _wait(self, machines: Sequence[Machine], ready: Callable[[Machine], bool], what: str) -> None:
        waiting = list(machines)

        def all_ready() -> bool:
            waiting[:] = [one for one in waiting if not ready(one)]
            return not waiting

        until(all_ready, what, timeout_s=60, every_s=0.2)


@contextmanager
def machines(layout: Layout, wanted: Sequence[tuple[str, str]]) -> Iterator[list[Machine]]:
    """A machine for each of these programs and schemes."""
    images.build_test_image(IMAGE, print)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda one: _machine(layout, one[0], *one[1]), enumerate(wanted)))
    try:
        yield made
    finally:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda one: one.client.remove(), made))


def narrow(machines: Iterable[Machine], rate: str) -> None:
    """Each machine's cable carries so much (tc(8): 8mbit)."""
    shape = f"tc qdisc replace dev $cables root tbf rate {rate} burst 64k latency 60ms"
    ends = "".join(f'{cable.ends(one.client.container, "eth0")}\n{shape}\n' for one in machines)
    on_host(ends)


def setting_of(program: str) -> tuple[tuple[str, ...], str]:
    """What its kernel does without, and what stands between (a key of BEHIND). Programs that are swept with
    alone (sweeps.py) are ordinary clients."""
    known = PROGRAMS.get(program)
    return (known.without, known.behind) if known else ((), "")


def _machine(layout: Layout, number: int, program: str, scheme: str) -> Machine:
    ip = str(IPv4Address(int(layout.lan.network_address) + FIRST_ADDRESS + number))
    # a server is no slower because its clients work on the same processors here
    extra = ["--cpu-shares", "512", "--device", "/dev/net/tun", "--tmpfs", "/fetched:exec,size=1g",
             "-v", f"{trees() / FOLDER}:/fetch:ro"]
    without, behind = setting_of(program)
    for name in without:
        extra += ["--sysctl", f"net.ipv4.{name}=0"]
    script, within = BEHIND[behind]
    extra += ["--privileged"] if within else []
    made = client.start(layout, name=f"fetch-{number}-{program}-{scheme}", image=IMAGE, ip=ip, extra=extra)
    if script:
        made.sh(script)
    return Machine(program, scheme, ip, made)
