"""A running dhcpd names each machine the file of the loader that its firmware gets (option 209)."""

from __future__ import annotations

from pathlib import Path

import yaml
from dhcpdlive import dhcpd_of, offers
from rendering import EXAMPLES
from twinboot.kinds import LOADERS
from twinboot.loaders.base import BootLoader, Serves
from twinboot.loaders.firmware import UEFI_X64
from twinboot.site import parse

NET = "10.177.85"
UUID = "564d2c3a-9f1b-4c57-8e0d-2f6a7b8c9d10"
BIOS, X64 = "0", "7"
OF_PXELINUX, OF_TOY = "pxelinux.cfg/host.cli128", "toy/host.cli128"


class Toy(BootLoader):
    name = "toyboot"
    serves = (Serves(UEFI_X64, "toy.efi", default=False),)

    def host_file(self, name: str) -> str:
        return f"toy/host.{name}"


def test_two_loaders_that_know_option_209(images: dict[str, str], tmp_path: Path) -> None:
    """Whether the machine is known by its card or by its UUID."""
    document = yaml.safe_load((EXAMPLES / "parity.yaml").read_text().replace("192.168.0.", f"{NET}."))
    document["boot"] = {"uefi": "toyboot"}
    document["hosts"]["cli128"]["uuid"] = UUID
    card, elsewhere = "52:54:00:00:01:28", f"97=00{UUID.replace('-', '')}"
    with LOADERS.registered(Toy()), dhcpd_of(parse(document), images["dhcpd"], tmp_path) as name:
        found = offers(name, f"{NET}.9", images["sidecar"], [
            f"{card} {BIOS}", f"{card} {X64}", f"52:54:00:00:0d:01 {BIOS} {elsewhere}",
            f"52:54:00:00:0d:02 {X64} {elsewhere}", f"52:54:00:00:0d:03 {X64}",
        ])  # fmt: skip
    assert [one["config"] for one in found] == [OF_PXELINUX, OF_TOY, OF_PXELINUX, OF_TOY, ""]
    assert found[1]["file"] == "toy.efi"
