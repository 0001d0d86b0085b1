#!/bin/sh
# Healthy: the first zone of the site is answered with authority.
set -u
zone=$(sed -n 's/^[[:space:]]*zone[[:space:]]*"\([^"]*\)".*/\1/p' /etc/twinboot/current/bind/named.conf \
    | grep -vxF . | head -n 1)
[ -n "$zone" ] || { echo "named.conf has no zone"; exit 1; }
dig +norecurse +time=2 +tries=2 @127.0.0.1 "$zone" SOA | grep -Eq '^;; flags:( [a-z]+)* aa[ ;]' \
    || { echo "no authority for $zone"; exit 1; }
