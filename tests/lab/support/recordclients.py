"""Makes unit/support/captures anew from a lab that stands: python tests/lab/support/recordclients.py [LAB].

Each client fetches one small file by HTTP and by FTP; what the takeover process would have been shown is
kept.
"""

from __future__ import annotations

import base64
import sys
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

sys.path += [str(Path(__file__).parents[2] / "unit/support")]

from capturefile import Capture, filtered, frames_of, write
from labhelp import EVEN, host
from twinlab import Lab
from twinlab.host.client import Client

PATH = "/trees/rh9/images/pxeboot/vmlinuz"
COMMANDS = {
    "curl": "curl -sS -o /f {url}",
    "wget": "wget -q -O /f {url}",
    "lftp": "lftp --norc -c 'get {url} -o /f'",
    "busybox": "busybox wget -q -O /f {url}",
    "apt": "/usr/lib/apt/apt-helper download-file {url} /f",
}


def record(client: Client, program: str, scheme: str, vip: str) -> Capture:
    version = f"dpkg-query -W -f '${{Package}} ${{Version}}' {program}"
    url = f"{scheme}://{vip}{PATH}"
    client.sh("rm -f /f /p.pcap*")
    client.capture(f"host {vip} and tcp", "/p.pcap", snapshot=0)
    client.sh(COMMANDS[program].format(url=url))
    client.sh("sleep 0.5; pkill tcpdump; sleep 0.3")
    pcap = base64.b64decode(client.sh("base64 -w0 /p.pcap").out)
    address = IPv4Address(vip)
    return Capture(
        f"{program}-{scheme}", client.sh(version).out.strip(), PATH, 0, 0, address,
        tuple(filtered(frames_of(pcap), address)),
    )


def main(name: str) -> None:
    lab = Lab(name)
    vip = lab.address("second")
    said = lab.server(2).exec("stat", "-c", "%s %Y", "/srv/twinboot" + PATH).out.split()
    with host(lab, EVEN) as client:
        for program in COMMANDS:
            for scheme in ("http",) if program == "apt" else ("http", "ftp"):
                made = record(client, program, scheme, vip)
                write(replace(made, size=int(said[0]), modified=int(said[1])))
                print(made.name, made.client, len(made.frames), "frames")


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["twinboot"]))
