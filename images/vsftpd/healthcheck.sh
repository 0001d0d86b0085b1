#!/bin/sh
# Healthy: a published file comes over FTP (login, passive mode, retrieve), byte for byte.
set -u
cd /srv/install/ks 2>/dev/null || { echo "no kickstart files are published"; exit 1; }
name=$(find . -maxdepth 1 -type f -printf '%f\n' -quit)
[ -n "$name" ] || { echo "no kickstart files are published"; exit 1; }
busybox wget -q -T 4 -O - "ftp://127.0.0.1/ks/$name" | cmp -s - "$name" \
    || { echo "ks/$name does not come over FTP"; exit 1; }
