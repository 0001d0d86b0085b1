#!/bin/sh
# Healthy: a published boot file comes over TFTP, byte for byte. A small one, where there is one: it is asked for
# again and again.
set -u
cd /srv/tftp || exit 1
name=$(find boot/ -type f -size -64k -print -quit 2>/dev/null)
[ -n "$name" ] || name=$(find boot/ -type f -print -quit 2>/dev/null)
[ -n "$name" ] || { echo "no boot files are published"; exit 1; }
busybox tftp -g -b 1468 -r "$name" -l - 127.0.0.1 2>/dev/null | cmp -s - "$name" \
    || { echo "$name does not come over TFTP"; exit 1; }
