"""Virtual machines that boot from the lab's LAN.

Owns how the machine's container (compose/lab/vm) is started for a host of the site.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twinlab.host import client, images
from twinlab.host.client import Client
from twinlab.host.engine import LabError
from twinlab.host.layout import Layout

ARM64 = ("arm64", "uboot")
FIRMWARES = ("bios", "uefi", "uefi-secure", "uefi-http", "ipxe", *ARM64)
"""As the machine's container knows them."""
CARDS = ("virtio", "e1000")


def boot(
    layout: Layout,
    site: dict[str, Any],
    host: str,
    firmware: str,
    *,
    say: Callable[[str], None],
    **settings: str,
) -> Client:
    """Switch a virtual machine on; its serial console is its log. `settings` are environment of its image."""
    hosts = site.get("hosts") or {}
    if host not in hosts:
        raise LabError(f"no host '{host}' in the site file; there are: {', '.join(hosts) or 'none'}")
    image = images.VM_ARM64_IMAGE if firmware in ARM64 else images.VM_IMAGE
    images.build_test_image(image, say)
    environment = {"MAC": str(hosts[host]["mac"]), "FIRMWARE": firmware, **settings}
    # Emulation takes every cycle that it gets: servers come first.
    # An open standard input is its keyboard, where its loader listens to the serial line.
    extra = ["--device", "/dev/net/tun", "--cpu-shares", "256", "--interactive"]
    for key, value in environment.items():
        extra += ["--env", f"{key}={value}"]
    return client.start(layout, name=f"vm-{host}", image=image, extra=extra)
