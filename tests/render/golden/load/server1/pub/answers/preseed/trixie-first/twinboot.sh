#!/bin/sh
# Twinboot writes this file from site.yaml; changes made here are lost. debian-installer runs it when it has its
# answers (preseed/run), and again by the hooks that it leaves in the installer's folders.
hold() { # for ever, with this on the screen: a failed script would be a question, and then go on
    [ $# = 0 ] || echo "twinboot: $*" >/dev/console
    while :; do sleep 60; done
}

hook() { # folder, name, what this script is to do there
    mkdir -p "$1"
    printf '#!/bin/sh\nexec /bin/twinboot %s\n' "$3" >"$1/$2"
    chmod 755 "$1/$2"
}

begin() {
    known || hold # it has said why
    cp "$0" /bin/twinboot
    chmod 755 /bin/twinboot
    hook /lib/partman/init.d 00twinboot disk # before RAID and LVM are looked for
    hook /usr/lib/base-installer.d 10twinboot apt # apt is there, and has not been asked for anything
    hook /usr/lib/finish-install.d 56twinboot finish # network and accounts are there, nothing is cleaned up
}

known() (
# Machines of the site file. One of them that comes here has booted by a card that the file does not name: it
# is not to be installed as an unknown machine.
known='
52:54:00:00:01:29 one
52:54:00:00:01:28 two
52:54:00:00:01:30 three
52:54:00:00:01:31 four
52:54:00:00:01:32 five
52:54:00:00:01:33 six
'
stop() {
    for place in /dev/console /dev/stderr; do
        echo "twinboot: this machine is $2 (known by $1), but has booted as an unknown one." \
            "Nothing was erased. Add the MAC address of the card that it boots from to hosts.$2.mac." >$place
    done 2>/dev/null
    exit 1
}
look_up() {
    rest=${known##*"
$1 "}
    [ "$rest" = "$known" ] || stop "$1" "${rest%%
*}"
}
for card in /sys/class/net/*/address; do
    mac=$(tr A-Z a-z <"$card") || continue
    [ -n "$mac" ] || continue
    look_up "$mac"
    look_up "$(echo "$mac" | cut -c 37-)" # InfiniBand: the port GUID at the end
done
uuid=$(tr A-Z a-z </sys/class/dmi/id/product_uuid 2>/dev/null) || true
[ -z "$uuid" ] || look_up "$uuid"
exit 0
)

choose_disk() {
# The disks of this machine: first. Not those of a SAN (Fibre Channel, iSCSI, NVMe over fabrics), of USB,
# or that can be taken out. In the order of their controllers and ports, which stays from start to start.
list() {
    for disk in /sys/block/*; do
        name=${disk##*/}
        case $name in
            loop*|ram*|zram*|sr*|fd*|md*|dm-*|nbd*|mtd*|drbd*|rbd*|mmcblk*boot*|mmcblk*rpmb) continue ;;
        esac
        [ -e "$disk/device" ] || continue
        [ "$(cat "$disk/size")" -gt 0 ] && [ "$(cat "$disk/ro")" = 0 ] || continue
        [ "$(cat "$disk/removable")" = 0 ] || continue
        places=$(cd -P "$disk/device" && pwd)
        for path in "$places"/nvme*/transport; do # NVMe with several paths: the disk stands apart from them
            [ ! -e "$path" ] || places="$places $(cd -P "${path%/*}" && pwd)=$(cat "$path")"
        done
        [ ! -e "$disk/device/transport" ] || places="$places=$(cat "$disk/device/transport")"
        case "$places/" in
            */usb[0-9]*|*/rport-*|*/session[0-9]*|*/nvme-fabrics/*|*=tcp*|*=rdma*|*=fc*|*=loop*) continue ;;
        esac
        echo "${places##* } $name $(cat "$disk/size")"
    done
}
list >/tmp/twinboot-disks.found
sort -V /tmp/twinboot-disks.found >/tmp/twinboot-disks.sorted 2>/dev/null || sort /tmp/twinboot-disks.found >/tmp/twinboot-disks.sorted
chosen=
choose() {
    one=${1:-twinboot-found-no-disk}
    case ",$chosen," in *",$one,"*) return ;; esac
    chosen=${chosen:+$chosen,}$one
}
of() { sed -n "${1}p" "$2" | cut -d ' ' -f 2; }
sort -s -k 3,3n /tmp/twinboot-disks.sorted >/tmp/twinboot-disks.sizes
sort -s -k 3,3nr /tmp/twinboot-disks.sorted >/tmp/twinboot-disks.reversed
choose "$(of 1 /tmp/twinboot-disks.sorted)"
}

# Once: partman begins anew where something went wrong, and the disk is in use by then.
disk() {
    [ ! -e /tmp/twinboot-disk ] || return 0
    . /usr/share/debconf/confmodule
    choose_disk
    disk=$(readlink -f "/dev/$chosen")
    if [ "$chosen" = twinboot-found-no-disk ] || [ ! -b "$disk" ]; then
        hold "the disk of this install is not there ($chosen). Nothing was erased."
    fi
    # all that partman finds disks by
    real=$(command -v parted_devices)
    mv "$real" /bin/parted_devices.all
    printf '#!/bin/sh\n/bin/parted_devices.all | grep "^%s[[:space:]]"\n' "$disk" >"$real"
    chmod 755 "$real"
    db_set partman-auto/disk "$disk"
    db_fset partman-auto/disk seen true
    db_set grub-installer/bootdev "$disk"
    db_fset grub-installer/bootdev seen true
    erase "$disk"
    echo "$disk" >/tmp/twinboot-disk
    echo "twinboot: to be erased: $disk" >/dev/console
}

# Old RAID and LVM: pieces of them on other disks are not to be put together with those of this one.
erase() {
    name=${1##*/}
    for part in /sys/class/block/"$name"/"$name"*; do
        [ ! -e "$part/partition" ] || ends "/dev/${part##*/}"
    done
    ends "$1"
    blockdev --rereadpt "$1" || true
}

ends() { # device: its first and its last MiB
    size=$(cat "/sys/class/block/${1##*/}/size")
    dd if=/dev/zero of="$1" bs=512 count=2048 2>/dev/null || true
    [ "$size" -le 2048 ] || dd if=/dev/zero of="$1" bs=512 seek=$((size - 2048)) count=2048 2>/dev/null || true
}

apt() { # a pause while an address moves must not end an install
    mkdir -p /target/etc/apt/apt.conf.d
    cat >/target/etc/apt/apt.conf.d/01twinboot-install <<TWINBOOT
Acquire::Retries "10";
Acquire::http::Timeout "20";
Acquire::ftp::Timeout "20";
TWINBOOT
}

in_new_system() { # name of a script above
    (umask 077 && "$1" >"/target/root/twinboot-$1.sh")
    in-target sh -c "sh /root/twinboot-$1.sh >/root/twinboot-$1.log 2>&1 </dev/null" ||
        logger -t twinboot "$1 failed: see /root/twinboot-$1.log"
    rm -f "/target/root/twinboot-$1.sh"
}

finish() {
    rm -f /target/etc/apt/apt.conf.d/01twinboot-install
}

"${1:-begin}"
