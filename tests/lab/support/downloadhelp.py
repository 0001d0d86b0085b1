"""Clients in mid-download, and what the wire at their end says: resets, and the longest silence."""

from __future__ import annotations

import itertools
import re
import subprocess
from dataclasses import dataclass

import pytest
from twinlab import Lab
from twinlab.host.client import Client
from twinlab.host.wait import until

# Clients as installers use them; none resumes by itself unless its own defaults do.
FETCH: dict[str, str] = {
    "curl": "curl -sS --limit-rate {rate} -o {file} {url}",
    "curl-dracut": "curl --globoff --location --retry 3 --retry-connrefused --fail --show-error -s "
    "--limit-rate {rate} --output {file} -- {url}",
    "wget": "wget -q --limit-rate={rate} -O {file} {url}",
    "lftp": "lftp --norc -c 'set net:limit-rate {bytes}; get {url} -o {file}'",
    "busybox": "busybox wget -q -O - {url} | pv_slow {bytes} > {file}",
}
RATE_BYTES = 8 << 20
# busybox's wget has no limit of its own: what reads from it is slow instead.
SLOW_PIPE = """pv_slow() { python3 -c '
import sys, time
rate = int(sys.argv[1]); begun = time.monotonic(); done = 0
while data := sys.stdin.buffer.read(65536):
    sys.stdout.buffer.write(data); done += len(data)
    time.sleep(max(0.0, done / rate - (time.monotonic() - begun)))
' "$1"; }
"""


@dataclass
class Fetch:
    """One client program that fetches one file, with a capture of its connection."""

    name: str
    client: Client
    address: str
    file: str
    process: subprocess.Popen[str]

    @classmethod
    def start(cls, lab: Lab, client: Client, program: str, scheme: str, address: str,
              rate_bytes: int = RATE_BYTES, path: str = "trees/rh9/big.bin") -> Fetch:
        file, url = f"/{program}-{scheme}.bin", f"{scheme}://{address}/{path}"
        client.capture(f"host {address} and tcp", f"{file}.pcap")
        rate = f"{rate_bytes >> 10}k" if program == "wget" else rate_bytes
        command = FETCH[program].format(rate=rate, bytes=rate_bytes, file=file, url=url)
        process = client.start("sh", "-c", f"{SLOW_PIPE}{command} && sha256sum {file} || echo rc=$?")
        return cls(f"{program} {scheme}", client, address, file, process)

    def under_way(self, size: int = 4 << 20) -> None:
        """Wait until so many bytes have arrived."""
        until(lambda: self.size() > size, f"{self.name} to be under way", timeout_s=30)

    def size(self) -> int:
        said = self.client.sh(f"stat -c %s {self.file}", check=False).out.strip()
        return int(said) if said.isdigit() else 0

    def finish(self, sha256: str, limit_s: float = 120) -> None:
        """It ends by itself, whole."""
        out, _ = self.process.communicate(timeout=limit_s)
        if sha256 not in out:
            pytest.fail(f"{self.name}: {out[-300:]}")

    def resets(self) -> str:
        """Every segment with RST that came from the servers, and could be noticed."""
        return self.client.resets(f"{self.file}.pcap", self.address)

    def heard_at(self, port: int) -> list[float]:
        """When each segment came from this port of the servers, on the first connection to it."""
        file = f"{self.file}.pcap"
        (first, *_) = self.client.captured(file, f"dst port {port} and tcp[13] & 2 != 0").splitlines()
        own = first.split()[2].rpartition(".")[2]
        wanted = f"src host {self.address} and src port {port} and dst port {own}"
        return [float(line.split()[0]) for line in self.client.captured(file, wanted, "-tt").splitlines()]

    def silence_s(self) -> float:
        """The longest time without a segment with data from the servers, while it was running."""
        said = self.client.captured(f"{self.file}.pcap", f"src host {self.address} and greater 200", "-tt")
        times = [float(found[1]) for found in re.finditer(r"^(\d+\.\d+) ", said, re.M)]
        return max((later - one for one, later in itertools.pairwise(times)), default=0.0)
