#!/usr/bin/env python3
"""A host that is no server: it answers ARP requests for one address, and announces nothing.

Its hardware address is one of its own making, so that the lab's prober can leave its answers out.
"""

import socket
import struct
import sys

ETH_ARP, REQUEST, REPLY = 0x0806, 1, 2
MAC = bytes.fromhex("02bd00000001")
ARP = struct.Struct("!HHBBH6s4s6s4s")


def main() -> None:
    wanted = socket.inet_aton(sys.argv[1])
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_ARP)) as sock:
        sock.bind(("eth0", ETH_ARP))
        print("ready", flush=True)
        while True:
            frame = sock.recv(128)
            if len(frame) < 14 + ARP.size:
                continue
            *_, operation, mac, sender, _, target = ARP.unpack_from(frame, 14)
            if operation == REQUEST and target == wanted:
                head = mac + MAC + struct.pack("!H", ETH_ARP)
                sock.send(head + ARP.pack(1, 0x0800, 6, 4, REPLY, MAC, wanted, mac, sender))


if __name__ == "__main__":
    main()
