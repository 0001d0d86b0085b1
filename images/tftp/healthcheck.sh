#!/bin/sh
# Healthy: a published boot file comes over TFTP, byte for byte.
set -u
cd /srv/tftp/pxelinux.cfg 2>/dev/null || { echo "no boot files are published"; exit 1; }
name=default
[ -f "$name" ] || name=$(find . -maxdepth 1 -type f -printf '%f\n' -quit)
[ -n "$name" ] || { echo "no boot files are published"; exit 1; }
busybox tftp -g -b 1468 -r "pxelinux.cfg/$name" -l - 127.0.0.1 2>/dev/null | cmp -s - "$name" \
    || { echo "pxelinux.cfg/$name does not come over TFTP"; exit 1; }
