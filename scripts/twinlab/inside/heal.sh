#!/bin/sh
# Puts a lab server right, whatever broke it: engine, processor, disk, services, clock, standby. Run on the server by
# the driver; cables and power are the driver's own part. Exit code 7: its disk needs a restart of the machine.
# $1 is the engine's disk, $2 the name of the DHCP server's processes. Looks at everything and knows nothing of what
# was broken: the files and names are those of faults/machine.py and faults/service.py.
disk=$1
dhcp_server=$2
mine='label=com.docker.compose.project=twinboot'

rm -f /run/lab-engine-off /run/lab-broken-dhcpd /run/lab-disk-slow
pkill -CONT -x dockerd
pkill -CONT -x "$dhcp_server"
pkill -KILL -fx 'yes lab-busy'
nft 'add table inet lab_broken; delete table inet lab_broken'
nft 'add table arp lab_no_arp; delete table arp lab_no_arp'

case $(findmnt -n -o SOURCE "$disk" | tail -1) in
/dev/loop*)
    fsfreeze -u "$disk" 2>/dev/null
    rm -f "$disk/lab-filler" "$disk/lab-probe"
    touch "$disk/lab-probe" || exit 7
    ;;
esac

for _ in $(seq 200); do
    there=$(timeout 5 docker ps -a --filter "$mine" \
        --format '{{.State}} {{.Label "com.docker.compose.service"}} {{.Names}}' 2>/dev/null) && break
    sleep 0.1
done

# a container that was removed is Compose's to make; --no-recreate leaves the others as they are
for service in tftp vsftpd httpd bind dhcpd; do
    echo "$there" | grep -q " $service " ||
        (cd /opt/twinboot/compose && docker compose up -d --no-deps --no-recreate "$service")
done

echo "$there" | awk '$1 == "paused" { print $3 }' | xargs -r docker unpause
# dhcpd is the sidecar's to start; render has done its work
echo "$there" | awk '($1 == "exited" || $1 == "created") && $2 != "render" && $2 != "dhcpd" { print $3 }' |
    xargs -r docker start
if [ -e /run/lab-site.yaml ]; then
    cd /opt/twinboot/compose && cp /run/lab-site.yaml ../config/site.yaml &&
        docker compose run --rm --no-deps -T sidecar forget-site && docker compose up -d && rm /run/lab-site.yaml
fi
if docker inspect -f '{{.Config.Env}}' twinboot-sidecar-1 | grep -q LAB_CLOCK; then
    cd /opt/twinboot/compose && docker compose up -d --no-deps sidecar
fi
# by its control socket, which needs no interpreter of its own; one that was just started is given some seconds
for _ in $(seq 25); do
    agent=/proc/$(pgrep -of 'twinboot[. a-z]* agent')/root/run/twinboot/control.sock
    status=$(echo '{"cmd": "status"}' | timeout 6 socat -t 6 - "UNIX-CONNECT:$agent" 2>/dev/null) && break
    sleep 0.2
done
if echo "$status" | grep -q '"state": *"standby"'; then
    docker exec twinboot-sidecar-1 twinboot resume
fi
exit 0
