"""Machines whose way to the servers is filtered: behind NAT, or with a strict packet filter of their own.

Owns the shell scripts that make a container so. What stands behind the NAT box is a network namespace within
it, which INSIDE enters.
"""

from __future__ import annotations

NAT = """
ip netns add inside
ip link add eth1 type veth peer name eth0 netns inside
ip link set eth1 up
ip addr add 10.1.1.1/24 dev eth1
ip -n inside link set lo up
ip -n inside link set eth0 up
ip -n inside addr add 10.1.1.2/24 dev eth0
ip -n inside route add default via 10.1.1.1
sysctl -qw net.ipv4.ip_forward=1
nft 'add table ip nat
     add chain ip nat post { type nat hook postrouting priority 100; }
     add rule ip nat post oif eth0 masquerade
     add chain ip nat forward { type filter hook forward priority 0; policy drop; }
     add rule ip nat forward ct state invalid drop
     add rule ip nat forward iif eth1 accept
     add rule ip nat forward ct state established,related accept'
"""
STRICT_FILTER = """
nft 'add table ip strict
     add chain ip strict input { type filter hook input priority 0; policy drop; }
     add rule ip strict input iif lo accept
     add rule ip strict input ct state invalid drop
     add rule ip strict input ct state established,related accept'
"""
INSIDE = ("nsenter", "--net=/run/netns/inside")
BEHIND: dict[str, tuple[str, tuple[str, ...]]] = {
    "": ("", ()), "NAT": (NAT, INSIDE), "strict filter": (STRICT_FILTER, ()),
}
"""What makes a container so, and what a program's command begins with there."""
