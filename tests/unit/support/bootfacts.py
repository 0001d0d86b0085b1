"""Boot loaders and kernels as if found on a disk: a tree of x64 with its own loader, and an image's."""

from __future__ import annotations

from twinboot.planning.boot_facts import Architecture, BootFacts, LoaderFiles, TreeBoot

X64, IA32, ARM64 = Architecture.X64, Architecture.IA32, Architecture.ARM64


def loader(place: str, first: str, second: str) -> LoaderFiles:
    return LoaderFiles(f"{place}/{first}", f"{place}/{second}", second)


OWN = TreeBoot(
    frozenset((X64,)), {X64: loader("trees/rh9/EFI/BOOT", "BOOTX64.EFI", "grubx64.efi")}
)
IMAGE = {
    X64: loader("loaders/x64", "shimx64.efi", "grubx64.efi"),
    ARM64: loader("loaders/arm64", "shimaa64.efi", "grubaa64.efi"),
}
FACTS = BootFacts({"rh9": OWN}, IMAGE, frozenset(("undionly.kpxe", "snponly.efi", "ipxe-arm64.efi")))
"""Of the examples' site."""
