"""What this kernel offers in a SYN, as its sysctls say (ip-sysctl.rst of Linux)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from twinboot.errors import ResourceError

SYSCTLS = Path("/proc/sys/net")
_MAX_WINDOW_SCALE = 14
_UNSCALED_BITS = 16


@dataclass(frozen=True, slots=True)
class OfferedOptions:
    """What the kernel offers to a peer that offers every option. window_scale -1: none."""

    window_scale: int
    sack: bool
    timestamps: bool


def offered_options(sysctls: Path = SYSCTLS) -> OfferedOptions:
    """ResourceError when they cannot be read."""
    try:
        scaling, sack, timestamps = (
            int((sysctls / "ipv4" / name).read_text())
            for name in ("tcp_window_scaling", "tcp_sack", "tcp_timestamps"))
        largest = int((sysctls / "ipv4/tcp_rmem").read_text().split()[2])
        core = sysctls / "core/rmem_max"
        if core.exists():  # not in every network namespace
            largest = max(largest, int(core.read_text()))
    except (OSError, ValueError, IndexError) as exc:
        raise ResourceError(str(sysctls), str(exc)) from exc
    # So that the largest window that a receive buffer may have can be told.
    scale = min(max(largest.bit_length() - _UNSCALED_BITS, 0), _MAX_WINDOW_SCALE)
    return OfferedOptions(scale if scaling else -1, bool(sack), bool(timestamps))
