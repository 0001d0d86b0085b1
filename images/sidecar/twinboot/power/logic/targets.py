"""The BMC of each host: the rendered file `sidecar/power.json`. It holds no secret, only the names of files.

Owns its form; the site's checks have found every value to be there, and sound.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

GROUP = 968
"""Group id of the process: it may read its secrets, and nobody else but root."""
OFF = "off"
"""`verify` of one whose certificate is not looked at."""


@dataclass(frozen=True, slots=True)
class Target:
    """kind: name of a registered one. address: with or without `:port`. password_file, verify: below the
    config folder; verify may be a fingerprint (SHA-256, 64 hex digits) or `off`, empty: by the authorities
    that the system knows. system: which one, where a BMC has several. firmware: as the site file says it;
    empty: as it was heard."""

    kind: str
    address: str
    user: str
    password_file: str
    verify: str = ""
    system: str = ""
    firmware: str = ""

    def host_and_port(self, default: int) -> tuple[str, int]:
        """Host and port of the address."""
        host, _, port = self.address.partition(":")
        return host, int(port) if port else default


@dataclass(frozen=True, slots=True)
class Targets:
    """By host. interval_s: between two machines that are switched on."""

    hosts: Mapping[str, Target] = field(default_factory=dict)
    interval_s: float = 1.0


def encode(targets: Targets) -> str:
    """The text of the file: a line for each host."""
    rows = (f" {json.dumps(name)}: {json.dumps(asdict(one))}" for name, one in targets.hosts.items())
    return f'{{"interval_s": {targets.interval_s:g}, "hosts": {{\n' + ",\n".join(rows) + "\n}}\n"


def decode(text: str) -> Targets:
    """ValueError for what encode() has not made; what a newer release says besides is skipped."""
    try:
        read = json.loads(text)
        hosts = {
            str(name): Target(**{
                key: str(value) for key, value in one.items() if key in Target.__dataclass_fields__
            })
            for name, one in read["hosts"].items()
        }  # fmt: skip
        return Targets(hosts, float(read["interval_s"]))
    except (TypeError, KeyError, AttributeError) as exc:
        raise ValueError(f"no facts of BMCs: {exc}") from None
