#!/bin/sh
# One VRRPv3 instance; preempts, as Twinboot's automatic failback does.
set -eu
cat >/etc/keepalived/keepalived.conf <<EOF
global_defs {
    vrrp_version 3
    vrrp_garp_master_repeat 5
}
vrrp_instance bench {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority $PRIORITY
    advert_int $ADVERT_S
    virtual_ipaddress {
        $ADDRESS/32
    }
}
EOF
exec keepalived --dont-fork --log-console --vrrp
