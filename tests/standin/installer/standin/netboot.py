"""A machine's PXE boot, played by a container: DHCP, the boot file, kernel and initrd by TFTP.

Owns the wire side and PXELINUX's rules of names; the lease itself is got by udhcpc, a client of its own.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from standin.errors import InstallError
from standin.fetch import fetch
from standin.report import Report

LEASE = Path("/run/standin/lease")
SCRIPT = "/usr/lib/standin/udhcpc.script"
# what a BIOS PXE ROM says of itself: vendor class, and option 93 with architecture 0 (RFC 4578, 2.1)
PXE_OPTIONS = ("-V", "PXEClient:Arch:00000:UNDI:002001", "-x", "0x5d:0000", "-O", "66", "-O", "67")
BLKSIZE = ("--tftp-blksize", "1468")


@dataclass(frozen=True)
class Entry:
    """The boot file's chosen label."""

    kernel: str
    initrds: tuple[str, ...]
    arguments: tuple[str, ...]

    def argument(self, name: str) -> str | None:
        """The last `name=value`, as dracut's getarg has it."""
        found = [word.split("=", 1)[1] for word in self.arguments if word.startswith(f"{name}=")]
        return found[-1] if found else None

    def locations(self, name: str) -> list[str]:
        """All of them in order with `name.all`, else the last one: so does Anaconda."""
        found = [word.split("=", 1)[1] for word in self.arguments if word.startswith(f"{name}=")]
        return found if f"{name}.all" in self.arguments else found[-1:]


def lease(interface: str, attempts: int = 30) -> dict[str, str]:
    """A real DHCP exchange; leaves a client behind that renews. Docker's own address goes first."""
    subprocess.run(["ip", "addr", "flush", "dev", interface], check=True)
    subprocess.run(["ip", "link", "set", interface, "up"], check=True)
    command = ["busybox", "udhcpc", "-b", "-i", interface, "-s", SCRIPT, *PXE_OPTIONS]
    command += ["-t", str(attempts), "-T", "2", "-A", "2", "-n"]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0 or not LEASE.exists():
        raise InstallError(f"no DHCP lease: {done.stdout.strip()[-200:]}")
    rows = LEASE.read_text(encoding="utf-8").splitlines()
    return dict(row.split("=", 1) for row in rows if "=" in row)


def boot_file_names(address: str, mac: str) -> list[str]:
    """PXELINUX's order: MAC with its hardware type, address in upper-case hex losing digits, default."""
    hexadecimal = f"{int(IPv4Address(address)):08X}"
    shorter = [hexadecimal[:length] for length in range(8, 0, -1)]
    return ["01-" + mac.lower().replace(":", "-"), *shorter, "default"]


def parse_boot_file(text: str) -> Entry:
    """The label that boots when nobody touches a key: ONTIMEOUT's, DEFAULT's, else the first."""
    labels: dict[str, dict[str, list[str]]] = {}
    default = timeout = ""
    current: dict[str, list[str]] = labels.setdefault("", {})
    for row in text.splitlines():
        words = row.split()
        if not words or words[0].startswith("#"):
            continue
        key, rest = words[0].upper(), words[1:]
        if key == "DEFAULT" and rest:
            default = rest[0]
        elif key == "ONTIMEOUT" and rest:
            timeout = rest[0]
        elif key == "LABEL" and rest:
            current = labels.setdefault(rest[0], {})
        elif key in {"KERNEL", "LINUX", "INITRD", "APPEND"}:
            current[key] = rest
    usable = [name for name, entry in labels.items() if "KERNEL" in entry or "LINUX" in entry]
    chosen = next((name for name in (timeout, default) if name in usable), None)
    if chosen is None and not usable:
        raise InstallError("the boot file names no kernel")
    entry = labels[chosen if chosen is not None else usable[0]]
    arguments = entry.get("APPEND", [])
    initrds = [name for word in arguments if word.startswith("initrd=") for name in word[7:].split(",")]
    initrds += [name for word in entry.get("INITRD", []) for name in word.split(",")]
    kernel = (entry.get("LINUX") or entry["KERNEL"])[0]
    return Entry(kernel, tuple(initrds), tuple(word for word in arguments if not word.startswith("initrd=")))


def read_boot_file(server: str, prefix: str, names: list[str], work: Path) -> tuple[str, Entry]:
    """Asks for each name in turn, as pxelinux.0 does; returns the one found and what it says."""
    target = work / "boot-file"
    for name in names:
        try:
            fetch(f"tftp://{server}/{prefix}pxelinux.cfg/{name}", target, options=(*BLKSIZE, "--retry", "0"))
        except InstallError:
            continue
        return name, parse_boot_file(target.read_text(encoding="utf-8", errors="replace"))
    raise InstallError(f"no boot file on {server}")


def boot(interface: str, work: Path, report: Report) -> Entry:
    """The whole of it, reported; returns what the kernel would have been started with."""
    mac = Path(f"/sys/class/net/{interface}/address").read_text(encoding="ascii").strip()
    got = lease(interface)
    server = got.get("siaddr") or got.get("serverid", "")
    if server in {"", "0.0.0.0"}:
        raise InstallError("DHCP names no next-server")
    report(
        "dhcp",
        address=got["ip"],
        server=got.get("serverid", ""),
        next_server=server,
        file=got.get("boot_file", ""),
        mac=mac,
    )
    loader = got.get("boot_file") or "pxelinux.0"
    size = fetch(f"tftp://{server}/{loader}", work / "loader", options=BLKSIZE)
    report("tftp", file=loader, bytes=size, server=server)
    prefix = loader.rpartition("/")[0]
    prefix = f"{prefix}/" if prefix else ""
    name, entry = read_boot_file(server, prefix, boot_file_names(got["ip"], mac), work)
    report("boot-file", name=name, server=server)
    for path in (entry.kernel, *entry.initrds):
        size = fetch(f"tftp://{server}/{prefix}{path}", work / Path(path).name, options=BLKSIZE)
        report("tftp", file=path, bytes=size, server=server)
    return entry
