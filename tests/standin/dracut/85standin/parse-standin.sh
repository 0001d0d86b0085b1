#!/bin/sh
# cmdline hook: inst.stage2= or inst.repo= name where stage 2 comes from; both need the network.

# shellcheck disable=SC1091,SC2154,SC2034  # files, hookdir, netroot: dracut's own
. /lib/standin-lib.sh

# systemd does this in Anaconda's initrd. Without it the kernel cannot tell curl that nobody has an address, and
# curl waits two minutes instead of three seconds.
ip link set lo up

standin_source=$(standin_locations inst.stage2)
[ -n "$standin_source" ] || standin_source=$(getarg inst.repo=)
# the hook asks for the others itself
for standin_source in $standin_source; do break; done

case "$standin_source" in
    ftp://* | http://* | https://*)
        netroot="standin:$standin_source"
        # dracut's own init looks at these two
        root=standin rootok=1
        [ -n "$(getarg ip=)" ] || echo "ip=dhcp" >/etc/cmdline.d/90standin-dhcp.conf
        echo "[ -e /tmp/standin.ready ]" >"$hookdir/initqueue/finished/standin.sh"
        standin_report stage1 "source=$standin_source"
        ;;
    *)
        standin_report failed "reason=\"neither inst.stage2= nor inst.repo= names an ftp:// or http:// address\""
        ;;
esac
