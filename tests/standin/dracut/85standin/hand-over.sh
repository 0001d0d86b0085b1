#!/bin/sh
# pre-pivot hook: what stage 2 must know of stage 1. /run itself is moved along by switch_root.
[ -s /etc/resolv.conf ] && cp /etc/resolv.conf "$NEWROOT/etc/resolv.conf"
# stage 2 has no modules, and writes the firmware's boot entries
[ ! -d /sys/firmware/efi ] || modprobe efivarfs
:
