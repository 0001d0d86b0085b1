#!/bin/sh
# Runs when an interface is up: kickstart, .treeinfo, stage 2, then dracut's own live root.
# Called by dracut's netroot with: interface, "standin:<url>", new root.

# shellcheck disable=SC1091  # dracut's own files, at their places in the initrd
command -v getarg >/dev/null || . /lib/dracut-lib.sh
command -v fetch_url >/dev/null || . /lib/url-lib.sh
. /lib/standin-lib.sh

PATH=/usr/sbin:/usr/bin:/sbin:/bin
netif=$1
source=${2#standin:}
source=${source%/}
state=/run/standin

[ -e /tmp/standin.ready ] && exit 0
mkdir -p "$state"

give_up() {
    standin_report failed "reason=\"$*\""
    sleep 1
    echo o >/proc/sysrq-trigger     # a machine that cannot go on is switched off, so that a test ends
    exit 1
}

read_file() {      # read_file URL FILE: dracut's fetcher, a few attempts as Anaconda's loops make
    n=1
    until fetch_url "$1" "$2"; do
        [ "$n" -ge "${3:-5}" ] && return 1
        n=$((n + 1))
        sleep 2
    done
}

address=$(ip -4 -o addr show dev "$netif" | sed -n 's/.* inet \([0-9.]*\).*/\1/p')
standin_report network "interface=$netif address=$address"

kickstarts=$(standin_locations inst.ks)
for kickstart in $kickstarts; do
    read_file "$kickstart" "$state/ks.cfg" && break
    rm -f "$state/ks.cfg"
done
if [ -n "$kickstarts" ]; then
    [ -e "$state/ks.cfg" ] || give_up "kickstart $kickstart cannot be read"
    standin_report kickstart-fetched "url=$kickstart bytes=$(wc -c <"$state/ks.cfg")"
fi

# From each place stage 2 is fetched once and not retried on a broken transfer: so do dracut and Anaconda.
fetched=
for source in $(standin_locations inst.stage2) "$source"; do
    source=${source%/}
    image=images/install.img
    if read_file "$source/.treeinfo" "$state/treeinfo" 2; then
        named=$(sed -n '/^\[stage2\]/,/^\[/s/^mainimage *= *//p' "$state/treeinfo")
        image=${named:-$image}
    fi
    standin_report stage2-fetch "url=$source/$image"
    fetched=$(fetch_url "$source/$image") && break
    getargbool 0 inst.stage2.all || break
done
[ -n "$fetched" ] && [ -e "$fetched" ] || give_up "stage 2 $source/$image cannot be read"
standin_report stage2-fetched "bytes=$(wc -c <"$fetched")"

{ echo "source=$source"; echo "interface=$netif"; echo "image=$image"; } >"$state/boot"
: >/tmp/standin.ready
exec /sbin/dmsquash-live-root "$fetched"
