#!/bin/sh
# Checks that the configuration is there and good, then becomes nginx in the foreground.
# Exit: 2 configuration, else nginx's own.
set -eu
[ "$1" = nginx ] || exec "$@"

for path in /etc/twinboot/current/httpd/nginx.conf /srv/install/site/current; do
    if [ ! -r "$path" ]; then
        echo "httpd: $path is missing: the service 'render' writes it; run that first"
        exit 2
    fi
done
conf=/etc/twinboot/current/httpd/nginx.conf
if ! faults=$(nginx -t -q -e stderr -c "$conf" 2>&1); then
    printf '%s\nhttpd: nginx refuses %s\n' "$faults" "$conf"
    exit 2
fi

# The file may say "daemon off" itself; twice would be an error.
grep -q '^[[:space:]]*daemon[[:space:]]' "$conf" || set -- "$@" -g 'daemon off;'

# nginx opens /dev/stdout by name, which only the pipe's owner may: so it gets a pipe of its own. It is
# opened for reading and writing: the reader never sees an end of file. The health check is no news.
[ -p /tmp/log ] || mkfifo -m 0600 /tmp/log
grep --line-buffered -vF '"twinboot-health"' <>/tmp/log &

echo "httpd: serving /srv/install"
exec "$@" >/tmp/log 2>&1
