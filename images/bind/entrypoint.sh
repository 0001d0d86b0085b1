#!/bin/sh
# Checks that the configuration is there and good, then becomes named with its log on stdout.
# Exit: 2 configuration, else named's own.
set -eu
[ "$1" = named ] || exec "$@"

conf=/etc/twinboot/current/bind/named.conf
if [ ! -r "$conf" ]; then
    echo "bind: $conf is missing: the service 'render' writes it; run that first"
    exit 2
fi
if ! faults=$(named-checkconf -z "$conf" 2>&1); then
    printf '%s\nbind: named-checkconf refuses %s\n' "$faults" "$conf"
    exit 2
fi

echo "bind: serving $conf"
exec "$@" 2>&1
