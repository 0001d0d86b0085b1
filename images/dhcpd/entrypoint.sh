#!/bin/sh
# Runs dhcpd while, and only while, the guard's address is on its interface and the sidecar allows it: a server
# that does not own the address must not answer, whatever became of the sidecar, and what `docker compose up`
# starts with the files of another site must not either. Exit: 0 not the owner (any more), 1 dhcpd failed,
# 2 configuration; of `check` 78: dhcpd refuses its configuration.
set -eu
umask 002
dir=/etc/twinboot/current/dhcpd
leases=/var/lib/dhcp/dhcpd.leases
permit=/var/lib/dhcp/serve
poll_s=0.4

say() { printf 'dhcpd-guard: %s\n' "$*"; }
die() { say "$2"; exit "$1"; }

case $1 in
    dhcpd) ;;
    check)      # would it start here? Without the address, without a network
        said=$(dhcpd -4 -t -cf "$dir/dhcpd.conf" 2>&1) && exit 0
        # between what it says of itself at the beginning and at the end; -q would leave out the fault, too
        printf '%s\n' "$said" | sed -e '1,/www.isc.org/d' -e '/^Configuration file errors/,$d'
        exit 78 ;;      # EX_CONFIG of sysexits.h(3head): no other program ends so that does not know the word
    *) exec "$@" ;;
esac
for file in dhcpd.conf guard; do
    [ -r "$dir/$file" ] || die 2 "$dir/$file is missing: the service 'render' writes it; run that first"
done
address='' interface=''
read -r address interface _ <"$dir/guard" || true
[ -n "$interface" ] || die 2 "$dir/guard must be one line '<address> <interface>'"

owner() { busybox ip -4 -o addr show dev "$interface" 2>/dev/null | grep -qF " inet $address/"; }

# What the sidecar allows: the file's one line is the address to serve with; empty: nothing. Without the file (no
# sidecar has started dhcpd here yet) the address alone decides.
permitted() {
    [ -e "$permit" ] || return 0
    allowed=''
    read -r allowed <"$permit" 2>/dev/null || true
    [ "$allowed" = "$address" ]
}

owner || die 0 "not the owner: $address is not on $interface; nothing to do"
permitted || die 0 "the sidecar lets it serve ${allowed:-nothing}, and not $address; nothing to do"
[ -e "$leases" ] || : >"$leases" || die 2 "cannot write $leases: its volume must belong to group dhcpd"

busy=0
stop() {
    trap '' TERM INT
    if [ "$busy" != 0 ]; then
        kill -s TERM "$busy" 2>/dev/null || true
        wait "$busy" || true
        wait "$filter" || true
    fi
    die 0 "$1"
}
trap 'stop "stopped on request"' TERM INT

# The sidecar asks from the address itself, every few seconds (DHCPINFORM): it is no news.
rm -f /tmp/log
mkfifo -m 0600 /tmp/log
grep --line-buffered -vF -e "DHCPINFORM from $address via" -e "DHCPACK to $address (" </tmp/log &
filter=$!
dhcpd -4 -d --no-pid -cf "$dir/dhcpd.conf" -lf "$leases" "$interface" >/tmp/log 2>&1 &
busy=$!
say "$address is on $interface: dhcpd runs"
while kill -0 "$busy" 2>/dev/null; do
    sleep "$poll_s" &
    wait $! || true
    owner || stop "$address left $interface: stopped"
    permitted || stop "the sidecar lets it serve ${allowed:-nothing}, and no more $address: stopped"
done
code=0
wait "$busy" || code=$?
wait "$filter" || true      # its last words, which say why
dhcpd -4 -t -q -cf "$dir/dhcpd.conf" >/dev/null 2>&1 || die 2 "dhcpd refused $dir/dhcpd.conf (its own message is above)"
die 1 "dhcpd ended by itself with code $code"
