#!/bin/sh
# Healthy: dhcpd is alive, its port is bound, its lease file is there and the guard's address is too.
# It sends nothing on the wire: a DISCOVER of a health check would be answered by any other server.
set -u
read -r address interface _ </etc/twinboot/current/dhcpd/guard || { echo "no guard file"; exit 1; }
grep -qsx dhcpd /proc/[0-9]*/comm || { echo "dhcpd does not run"; exit 1; }
grep -q '^ *[0-9]*: [0-9A-F]*:0043 ' /proc/net/udp || { echo "port 67/udp is not bound"; exit 1; }
[ -f /var/lib/dhcp/dhcpd.leases ] || { echo "no lease file"; exit 1; }
busybox ip -4 -o addr show dev "$interface" | grep -qF " inet $address/" || { echo "$address is not here"; exit 1; }
