"""Option 209 names a host's file of the loader that its firmware gets."""

from __future__ import annotations

import re

import pytest
from bootfacts import FACTS
from rendering import GOOD, rendered, site
from twinboot import dhcp
from twinboot.kinds import LOADERS
from twinboot.loaders.base import BootLoader, Serves
from twinboot.loaders.firmware import UEFI_X64

UUID = "12345678-9abc-4def-8123-456789abcdef"
NAMED = r'option pxelinux-config-file "([^"]+)"'


class Toy(BootLoader):
    name = "toyboot"
    serves = (Serves(UEFI_X64, "toy.efi", default=False),)

    def host_file(self, name: str) -> str:
        return f"toy/host.{name}"


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """This room's, whatever engine sites have."""
    monkeypatch.setattr(dhcp, "DEFAULT_ENGINE", "isc")


def conf(**boot: str) -> str:
    of = site(boot=boot, hosts={"cli128": {**GOOD["hosts"]["cli128"], "uuid": UUID}})
    return rendered(of, boot=FACTS).etc["dhcpd/dhcpd.conf"]


@pytest.mark.parametrize("begins", ["  host cli128 {", "  next-server .* option host-name \"cli128\";"])
def test_each_machine_is_told_the_file_of_its_own_loader(begins: str) -> None:
    """By whatever the machine is known: its card, its UUID."""
    line = rf"(?m)^{begins}.*$"
    with LOADERS.registered(Toy()):
        found = re.search(line, conf())
        assert found is not None
        assert re.findall(NAMED, found[0]) == ["pxelinux.cfg/host.cli128"]
        assert "machine" not in found[0], "one file needs no condition"
        found = re.search(line, conf(uefi="toyboot"))
    assert found is not None
    first, second = re.findall(rf"(?:if|elsif) (\S.*?) {{ {NAMED}; }}", found[0])
    assert first[1] == "pxelinux.cfg/host.cli128"
    assert '"BIOS"' in first[0]
    assert "UEFI" not in first[0]
    assert second == ('(config-option twinboot.machine = "UEFI x64")', "toy/host.cli128")
