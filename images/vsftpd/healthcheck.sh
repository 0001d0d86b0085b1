#!/bin/sh
# Healthy: a published file comes over FTP (login, passive mode, retrieve), byte for byte.
set -u
cd /srv/install || exit 1
name=$(find ks/ answers/ site/current/tftp/ -type f -print -quit 2>/dev/null)
[ -n "$name" ] || { echo "nothing is published"; exit 1; }
busybox wget -q -T 4 -O - "ftp://127.0.0.1/$name" | cmp -s - "$name" \
    || { echo "$name does not come over FTP"; exit 1; }
