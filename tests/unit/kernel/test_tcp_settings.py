"""What a kernel offers in a SYN follows from its sysctls."""

from __future__ import annotations

from pathlib import Path

import pytest
from twinboot.errors import ResourceError
from twinboot.kernel.tcp_settings import OfferedOptions, offered_options

USUAL = {"ipv4/tcp_window_scaling": "1", "ipv4/tcp_sack": "1", "ipv4/tcp_timestamps": "1",
         "ipv4/tcp_rmem": "4096\t131072\t6291456", "core/rmem_max": "212992"}


def sysctls(base: Path, changed: dict[str, str]) -> Path:
    for name, value in (USUAL | changed).items():
        (base / name).parent.mkdir(exist_ok=True)
        (base / name).write_text(value + "\n")
    return base


@pytest.mark.parametrize(
    ("changed", "offered"),
    [
        ({}, OfferedOptions(7, sack=True, timestamps=True)),
        ({"ipv4/tcp_sack": "0"}, OfferedOptions(7, sack=False, timestamps=True)),
        ({"ipv4/tcp_timestamps": "0"}, OfferedOptions(7, sack=True, timestamps=False)),
        ({"ipv4/tcp_timestamps": "2"}, OfferedOptions(7, sack=True, timestamps=True)),
        ({"ipv4/tcp_window_scaling": "0"}, OfferedOptions(-1, sack=True, timestamps=True)),
        ({"ipv4/tcp_rmem": "4096 131072 33554432"}, OfferedOptions(10, sack=True, timestamps=True)),
        ({"ipv4/tcp_rmem": "1 1 1", "core/rmem_max": "65535"}, OfferedOptions(0, sack=True, timestamps=True)),
        ({"core/rmem_max": "2147483647"}, OfferedOptions(14, sack=True, timestamps=True)),
    ],
)
def test_what_is_offered(tmp_path: Path, changed: dict[str, str], offered: OfferedOptions) -> None:
    assert offered_options(sysctls(tmp_path, changed)) == offered


def test_the_limit_of_buffers_is_not_in_every_namespace(tmp_path: Path) -> None:
    (sysctls(tmp_path, {}) / "core/rmem_max").unlink()
    assert offered_options(tmp_path).window_scale == 7


@pytest.mark.parametrize("broken", ["", "x", "1 2"])
def test_what_cannot_be_read(tmp_path: Path, broken: str) -> None:
    with pytest.raises(ResourceError):
        offered_options(sysctls(tmp_path, {"ipv4/tcp_rmem": broken}))
    with pytest.raises(ResourceError):
        offered_options(tmp_path / "none")
