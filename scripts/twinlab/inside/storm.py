#!/usr/bin/env python3
"""A storm of DHCP clients: many hardware addresses on one interface, each with a life of its own.

Every client goes DISCOVER, OFFER, REQUEST, ACK as RFC 2131 has it, with retries, from 0.0.0.0 and with
the broadcast flag; then it keeps its address and answers ARP for it, so that a server can reach it. It
does not answer pings: a server that has forgotten a lease gets no help from its ping check.

    storm.py bind --clients 300 --rate 60 [--first 0]     until all are bound: one JSON line per event
    storm.py renew < LINES                                RENEW, by unicast to the server identifier, of
                                                          every {"mac", "address", "server"} that is read
    storm.py reboot < LINES                               INIT-REBOOT (RFC 2131 section 4.3.2), broadcast
Events: {"t", "event": offer|ack|nak|silent, "mac", "address", "server", "from", "tries"}.
"""

import argparse
import json
import select
import socket
import struct
import sys
import time
from collections.abc import Sequence

from dhcp import (
    ACK,
    BROADCAST,
    DISCOVER,
    NAK,
    OFFER,
    REQUEST,
    frame,
    message,
    open_packet_socket,
    reply_in_frame,
)

RETRY_S = (1.0, 2.0, 2.0, 2.0)


class Client:
    """mode: bind, renew or reboot."""

    def __init__(self, mac: bytes, mode: str, address: bytes = bytes(4), server: bytes = bytes(4)) -> None:
        self.mac, self.mode, self.address, self.server = mac, mode, address, server
        self.xid = struct.unpack("!I", mac[2:])[0] ^ int(time.time() * 1000) & 0xFFFFFFFF
        self.asked = False
        self.offered: tuple[bytes, bytes] | None = None
        self.tries = 0
        self.next_at = 0.0
        self.done = False

    def due_message(self, now: float) -> tuple[bytes, bool]:
        """The message that is due now, and whether it goes to the server alone."""
        self.next_at = now + RETRY_S[min(self.tries, len(RETRY_S) - 1)]
        self.tries += 1
        if self.mode == "bind" and self.asked and self.tries > 4:
            self.offered, self.asked = None, False  # nobody answers the REQUEST: begin anew
            self.tries = 1
        if self.mode == "renew":
            return message(REQUEST, self.mac, self.xid, ciaddr=self.address, broadcast=False), True
        if self.mode == "reboot":
            return message(REQUEST, self.mac, self.xid, options=[(50, self.address)]), False
        if self.offered is None:
            return message(DISCOVER, self.mac, self.xid, options=[(55, bytes([1, 3, 6]))]), False
        self.asked = True
        address, server = self.offered
        return message(REQUEST, self.mac, self.xid, options=[(50, address), (54, server)]), False


class Storm:
    def __init__(self, interface: str) -> None:
        self.sock = open_packet_socket(interface, ip_only=False)
        self.clients: dict[bytes, Client] = {}
        self.owners: dict[bytes, bytes] = {}
        self.servers: dict[bytes, bytes] = {}

    def say(self, event: str, client: Client, **facts: bytes) -> None:
        print(json.dumps({
            "t": time.time(), "event": event, "mac": client.mac.hex(":"), "tries": client.tries,
            **{k: socket.inet_ntoa(v) if len(v) == 4 else v.hex(":") for k, v in facts.items()},
        }), flush=True)

    def run(self, starts: Sequence[tuple[float, Client]], limit_s: float) -> None:
        """starts: (after seconds, client), in order."""
        begun, waiting = time.time(), list(starts)
        ends = begun + limit_s
        while time.time() < ends and (waiting or not all(c.done for c in self.clients.values())):
            now = time.time()
            while waiting and begun + waiting[0][0] <= now:
                _, client = waiting.pop(0)
                self.clients[client.mac] = client
                if client.mode == "renew":
                    self.owners[client.address] = client.mac
            for client in self.clients.values():
                if not client.done and client.next_at <= now:
                    self.send(client, now)
            if select.select([self.sock], [], [], 0.02)[0]:
                for _ in range(200):
                    try:
                        self.take(self.sock.recv(2048, socket.MSG_DONTWAIT))
                    except BlockingIOError:
                        break
        for client in self.clients.values():
            if not client.done:
                self.say("silent", client, address=client.address)

    def send(self, client: Client, now: float) -> None:
        text, unicast = client.due_message(now)
        if not unicast:
            self.sock.send(frame(client.mac, text))
        elif client.server in self.servers:
            server = self.servers[client.server]
            self.sock.send(frame(client.mac, text, target_mac=server, source=client.address,
                                 target=client.server))
        else:
            client.next_at, client.tries = now + 0.3, client.tries - 1
            self.ask(client)

    def ask(self, client: Client) -> None:
        """ARP request for the server identifier."""
        arp = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + client.mac + client.address
        arp += bytes(6) + client.server
        self.sock.send(BROADCAST + client.mac + b"\x08\x06" + arp)

    def take(self, raw: bytes) -> None:
        if raw[12:14] == b"\x08\x06" and len(raw) >= 42:
            self.take_arp(raw)
            return
        found = reply_in_frame(raw)
        if found is None:
            return
        kind, mac, address, server, source = found.kind, found.mac, found.address, found.server, found.source
        client = self.clients.get(mac)
        if client is None or client.done or found.xid != client.xid:
            return
        if kind == OFFER and client.mode == "bind" and client.offered is None:
            client.offered, client.tries, client.next_at = (address, server), 0, 0.0
            self.say("offer", client, address=address, server=server, **{"from": source})
        elif kind == ACK:
            client.done, client.address = True, address
            self.owners[address] = mac
            self.say("ack", client, address=address, server=server, **{"from": source})
        elif kind == NAK:
            self.say("nak", client, address=client.address, server=server, **{"from": source})
            if client.mode == "bind":
                client.offered, client.asked, client.tries, client.next_at = None, False, 0, time.time() + 1
            else:
                client.done = True

    def take_arp(self, raw: bytes) -> None:
        operation, sender_mac, sender, wanted = raw[21], raw[22:28], raw[28:32], raw[38:42]
        if any(client.server == sender for client in self.clients.values()):
            self.servers[sender] = sender_mac
        owner = self.owners.get(wanted)
        if operation == 1 and owner is not None and sender_mac != owner:
            arp = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + owner + wanted + sender_mac + sender
            self.sock.send(sender_mac + owner + b"\x08\x06" + arp)


def mac_of(number: int) -> bytes:
    return b"\x52\x54\x02" + number.to_bytes(3, "big")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mode", choices=["bind", "renew", "reboot"])
    parser.add_argument("--interface", default="eth0")
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="number of the first hardware address")
    parser.add_argument("--rate", type=float, default=50, help="new clients a second")
    parser.add_argument("--limit", type=float, default=60, help="seconds after which it gives up")
    args = parser.parse_args()
    if args.mode == "bind":
        clients = [Client(mac_of(args.first + i), "bind") for i in range(args.clients)]
    else:
        told = [json.loads(line) for line in sys.stdin if line.startswith("{")]
        clients = [
            Client(bytes.fromhex(one["mac"].replace(":", "")), args.mode,
                   socket.inet_aton(one["address"]), socket.inet_aton(one["server"])) for one in told
        ]
    Storm(args.interface).run([(i / args.rate, client) for i, client in enumerate(clients)], args.limit)


if __name__ == "__main__":
    main()
