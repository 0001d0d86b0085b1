"""Every filter this project attaches, instruction by instruction, as it went to the kernel before.

golden/programs.txt was written by the code that had bare numbers and two assemblers; it changes only with
what a filter lets through. Written anew by running this file: its output is the listing.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from ipaddress import IPv4Address
from pathlib import Path

from twinboot.kernel.bpf import DROP_ALL, MATCH_NOTHING, NotMac, frame_filter
from twinboot.takeover.host.capture import filter as capture_filter
from twinboot.takeover.host.capture import tftp_capture
from twinboot.wire.net import arp, dhcp, dhcpinform

GOLDEN = Path(__file__).with_name("golden") / "programs.txt"
MAC = bytes.fromhex("525400000001")
ONE, OTHER = IPv4Address("192.168.0.253"), IPv4Address("192.168.0.254")


def programs() -> Mapping[str, bytes]:
    """By what they are for."""
    both = [ONE, OTHER]
    return {
        "drop all": DROP_ALL,
        "connections, one address": capture_filter.connections_filter([ONE]),
        "connections, two addresses": capture_filter.connections_filter(both),
        "answers to TCP probes": capture_filter.probe_replies_filter(ONE, 256),
        "TFTP requests, one address": tftp_capture.requests_filter([ONE]),
        "TFTP requests, two addresses": tftp_capture.requests_filter(both),
        "TFTP acknowledgements": tftp_capture.acks_filter(both),
        "ARP replies": arp.reply_filter(MAC),
        "ARP claims of others": arp.foreign_claim_filter(both, MAC),
        "frames of others": frame_filter(NotMac(6, MAC)),
        "no frame": frame_filter(MATCH_NOTHING),
        "DHCP": dhcp.dhcp_filter(),
        "DHCP acknowledgements": dhcpinform.ack_filter(ONE),
        "DHCP servers": dhcpinform.server_traffic_filter(),
    }


def listing() -> str:
    """As `tcpdump -dd` writes it."""
    lines = []
    for name, program in programs().items():
        lines.append(f"# {name}")
        lines += [
            "{{ {:#04x}, {}, {}, {:#010x} }},".format(*struct.unpack_from("@HBBI", program, at))
            for at in range(0, len(program), 8)
        ]
    return "\n".join(lines) + "\n"


def test_the_programs_are_those_of_before() -> None:
    assert listing() == GOLDEN.read_text()


if __name__ == "__main__":
    print(listing(), end="")
