#!/bin/sh
# Prepares vsftpd's empty chroot and its way to stdout, then becomes vsftpd.
# Exit: 2 configuration, else vsftpd's own.
set -eu
[ "$1" = vsftpd ] || exec "$@"

for path in /etc/twinboot/current/vsftpd/vsftpd.conf /srv/install/site/current; do
    if [ ! -r "$path" ]; then
        echo "vsftpd: $path is missing: the service 'render' writes it; run that first"
        exit 2
    fi
done

mkdir -p /run/vsftpd/empty
# A session's stdout is its client, so the log goes through a pipe. It is opened for reading and
# writing: the reader never sees an end of file. The health check asks from 127.0.0.1: it is no news.
[ -p /run/vsftpd/log ] || mkfifo -m 0600 /run/vsftpd/log
grep --line-buffered -vF 'Client "127.0.0.1"' <>/run/vsftpd/log &

echo "vsftpd: serving /srv/install"
# Before a session exists vsftpd tells its faults to descriptor 0, where inetd would have the client.
exec "$@" <&1
