"""Counts, inside a client's network namespace, the payload bytes that servers send to it.

Runs on its own in a container (standard library only): meter.py INTERFACE. Prints one JSON line per
tenth of a second in which data came: {"t": epoch seconds, "bytes": {source MAC: payload bytes}}.
The source MAC, not the address, tells which server sent: a virtual address moves between them.
"""

import json
import socket
import struct
import sys
import time

BUCKET_S = 0.1
ETH_P_IP = 0x0800
ETH_P_ALL = 0x0003
"""Only a socket for every protocol sees what a bridge takes from its port: a virtual machine's frames."""
TCP, UDP = 6, 17
DHCP_PORT = 67


def payload(frame: bytes) -> int:
    """Payload bytes of a TCP or UDP segment in an Ethernet frame, else 0 (RFC 791, 9293, 768)."""
    ihl = (frame[14] & 0x0F) * 4
    total: int = struct.unpack_from("!H", frame, 16)[0]
    transport = 14 + ihl
    if frame[23] == TCP and len(frame) >= transport + 13:
        return max(0, total - ihl - (frame[transport + 12] >> 4) * 4)
    if frame[23] == UDP and len(frame) >= transport + 8:
        source = struct.unpack_from("!H", frame, transport)[0]
        return 0 if source == DHCP_PORT else max(0, total - ihl - 8)
    return 0


def run(interface: str) -> None:
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind((interface, ETH_P_ALL))
    sock.settimeout(BUCKET_S)
    bucket: dict[str, int] = {}
    ends = time.time() + BUCKET_S
    while True:
        try:
            frame, address = sock.recvfrom(96)
            ours = address[1] == ETH_P_IP and address[2] != socket.PACKET_OUTGOING and len(frame) >= 34
            size = payload(frame) if ours else 0
            if size:
                mac = frame[6:12].hex(":")
                bucket[mac] = bucket.get(mac, 0) + size
        except TimeoutError:
            pass
        now = time.time()
        if now >= ends:
            if bucket:
                print(json.dumps({"t": round(now, 3), "bytes": bucket}), flush=True)
                bucket = {}
            ends = now + BUCKET_S


if __name__ == "__main__":
    run(sys.argv[1])
