#!/bin/sh
# Checks that the BMCs are rendered, then becomes the process. -I: neither the environment nor the working directory
# adds modules. Exit: 2 configuration, else the process's own.
set -eu
[ "$1" = power ] || exec "$@"

if [ ! -r /etc/twinboot/current/sidecar/power.json ]; then
    echo "power: /etc/twinboot/current/sidecar/power.json is missing: the service 'render' writes it; run that first"
    exit 2
fi
exec python3 -I -m twinboot.power.host.start
