#!/bin/sh
# Gives tftpd the syslog socket it insists on, with the lines ending on stdout, and runs tftpd.
# Exit: 2 configuration, else tftpd's own.
set -eu
[ "$1" = in.tftpd ] || exec "$@"

boot=/srv/tftp/site/current/tftp
if [ ! -d "$boot" ]; then
    echo "tftp: $boot is missing: the service 'render' writes it; run that first"
    exit 2
fi

# For the takeover process: copies of our own files, not of what is mounted among them. The set before is there until this
# one is whole. Without them nothing is missing but that a machine goes on with its loader when its server dies.
if [ -d /run/loaders ]; then
    mine=/run/loaders/$(date +%s%N)
    if cp -Rdx --preserve=mode,timestamps /srv/tftp "$mine" && ln -sfn "${mine##*/}" /run/loaders/next \
        && mv -T /run/loaders/next /run/loaders/current; then
        find /run/loaders -mindepth 1 -maxdepth 1 -type d ! -path "$mine" -exec rm -r {} +
    else
        rm -rf "$mine"
        echo "tftp: no room for the boot loaders in /run/loaders"
    fi
fi

# -n foreground, -S short lines. The health check asks from 127.0.0.1: it is no news. /dev is a tmpfs.
busybox syslogd -n -S -O - | grep --line-buffered -vF ' from 127.0.0.1 ' &
tries=0
while [ ! -S /dev/log ] && [ "$tries" -lt 40 ]; do
    sleep 0.05
    tries=$((tries + 1))
done

# tftpd asks the kernel for the address a request came to only from its first request on, and answers
# that first one from the server's own address: let it be ours, not a machine's.
(sleep 0.5; healthcheck.sh) >/dev/null 2>&1 &

echo "tftp: serving /srv/tftp"
"$@" &
daemon=$!
trap 'kill -s TERM "$daemon" 2>/dev/null; exit 0' TERM INT
code=0
wait "$daemon" || code=$?
sleep 0.2           # its last line, which says why, is still on its way through syslogd
exit "$code"
