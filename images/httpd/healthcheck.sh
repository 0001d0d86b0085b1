#!/bin/sh
# Healthy: a published file comes over HTTP, byte for byte.
set -u
cd /srv/install || exit 1
name=$(find ks/ answers/ boot/ -type f -print -quit 2>/dev/null)
[ -n "$name" ] || { echo "nothing is published"; exit 1; }
busybox wget -q -T 4 -U twinboot-health -O - "http://127.0.0.1/$name" | cmp -s - "$name" \
    || { echo "$name does not come over HTTP"; exit 1; }
