"""A DHCP client that only asks, run by the sidecar image's Python: one DISCOVER per line of input.

Input lines: MAC [option 93 as a number | - [client id]] [NUMBER=HEX ...], where NUMBER is that of an
option (HEX may be empty), or 0 for the hardware type: 32 is InfiniBand, whose requests have no hardware
address (RFC 4390 section 2.1). Output: one JSON object per line.
"""

import json
import socket
import struct
import sys
import time

COOKIE = b"\x63\x82\x53\x63"
DISCOVER = b"\x35\x01\x01" + b"\x37\x09\x01\x03\x06\x0c\x2b\x3c\x42\x43\xaf"


def checksum(header):
    total = sum(struct.unpack(">10H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(mac, xid, options, hardware):
    length, address = (6, mac) if hardware == 1 else (0, bytes(6))
    bootp = bytes((1, hardware, length, 0)) + xid
    bootp += b"\x00\x00\x80\x00" + bytes(16) + address + bytes(10 + 192)
    bootp = (bootp + COOKIE + options + b"\xff").ljust(300, b"\x00")
    udp = struct.pack(">HHHH", 68, 67, 8 + len(bootp), 0) + bootp
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, bytes(4), b"\xff" * 4)
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    return b"\xff" * 6 + (mac if hardware == 1 else CARD) + b"\x08\x00" + ip + udp


def options_of(data):
    found, at = {}, 240
    while at < len(data) and data[at] != 255:
        if data[at]:
            found[data[at]] = data[at + 2 : at + 2 + data[at + 1]]
            at += 1 + data[at + 1]
        at += 1
    return found


def offer_to(link, mac, xid, options, hardware, wait_s=20.0):
    end = time.monotonic() + wait_s
    while time.monotonic() < end:
        link.send(frame(mac, xid, options, hardware))
        link.settimeout(3)
        try:
            while True:
                data = link.recv(2000)
                if data[23] == 17 and data[36:38] == b"\x00\x44" and data[46:50] == xid and data[42] == 2:
                    return data[42:]
        except TimeoutError:
            continue
    raise SystemExit("no offer came")


link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("eth0", 0x0800))
CARD = link.getsockname()[4]  # of frames whose request has no address: a bridge drops what comes from 0
for number, line in enumerate(sys.stdin, 1):
    more = {int(key): bytes.fromhex(value) for key, value in (w.split("=") for w in line.split() if "=" in w)}
    hardware = more.pop(0, b"\x01")[0]
    words = [*(w for w in line.split() if "=" not in w), "-", "-"]
    mac = bytes.fromhex(words[0].replace(":", ""))
    options = DISCOVER
    if words[1] != "-":
        options += b"\x5d\x02" + struct.pack(">H", int(words[1])) + b"\x3c\x09PXEClient"
    if words[2] != "-":
        options += bytes([61, 1 + len(words[2]), 0]) + words[2].encode()
    for code, value in more.items():
        options += bytes([code, len(value)]) + value
    reply = offer_to(link, mac, struct.pack(">I", number), options, hardware)
    found = options_of(reply)
    print(
        json.dumps(
            {
                "address": socket.inet_ntoa(reply[16:20]),
                "next_server": socket.inet_ntoa(reply[20:24]),
                "file": reply[108:236].split(b"\0")[0].decode(),
                "server_id": socket.inet_ntoa(found[54]),
                "name": found.get(12, b"").decode(),
                "options": {code: found[code].hex() for code in (43, 60, 66, 67, 175) if code in found},
                "server_name": reply[44:108].split(b"\0")[0].decode(),
                "config": found.get(209, b"").decode(),
            }
        ),
        flush=True,
    )
