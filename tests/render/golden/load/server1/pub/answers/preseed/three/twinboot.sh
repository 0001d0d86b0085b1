#!/bin/sh
# Twinboot writes this file from site.yaml; changes made here are lost. debian-installer runs it when it has its
# answers (preseed/run), and again by the hooks that it leaves in the installer's folders.
hold() { # for ever, with this on the screen: a failed script would be a question, and then go on
    if [ $# != 0 ] && [ -e /tmp/twinboot-report ]; then # the install servers are told why
        echo "$*" >/tmp/twinboot-report.why
        sh /tmp/twinboot-report error /tmp/twinboot-report.why
    fi
    [ $# = 0 ] || echo "twinboot: $*" >/dev/console
    while :; do sleep 60; done
}

hook() { # folder, name, what this script is to do there
    mkdir -p "$1"
    printf '#!/bin/sh\nexec /bin/twinboot %s\n' "$3" >"$1/$2"
    chmod 755 "$1/$2"
}

begin() {
    ask_to_begin
    cp "$0" /bin/twinboot
    chmod 755 /bin/twinboot
    hook /lib/partman/init.d 00twinboot disk # before RAID and LVM are looked for
    hook /usr/lib/base-installer.d 10twinboot apt # apt is there, and has not been asked for anything
    hook /usr/lib/finish-install.d 56twinboot finish # network and accounts are there, nothing is cleaned up
}

# The end of the install is reported by the same script. It writes to the console why it does not begin.
ask_to_begin() {
cat >/tmp/twinboot-report <<'TWINBOOT_REPORT'
host=three servers='192.168.0.254 192.168.0.250 192.168.0.253' root=/target
own=/tmp/twinboot-report.d
mkdir -p "$own"
say() {
    { echo "twinboot: $*" >/dev/console; } 2>/dev/null || echo "twinboot: $*"
}
fetch() { # URL
    if command -v curl >/dev/null 2>&1; then
        curl -s -m 20 "$1"
    elif command -v wget >/dev/null 2>&1; then
        wget -q -O - "$1" 2>/dev/null
    else
        for python in python3 /usr/libexec/platform-python python2 python; do
            command -v $python >/dev/null 2>&1 || continue
            $python -c 'import sys
try:
    from urllib.request import urlopen
except ImportError:
    from urllib2 import urlopen
sys.stdout.write(urlopen(sys.argv[1]).read().decode())' "$1" 2>/dev/null
            return
        done
        echo none
    fi
}
ask() { # event, more of the query, how often every server is asked; 0: until one has decided
    asked=0
    while :; do
        for server in $servers; do
            answer=$(fetch "http://$server/report/$host/$1?token=$token$2" || true)
            case $answer in go | ok | none | "no "*) return 0 ;; esac
        done
        asked=$((asked + 1))
        [ "$asked" != "$3" ] || return 1
        [ $((asked % 10)) != 1 ] || say "waits for $servers ($1): ${answer:-none of them answers}"
        sleep 3 || return 1
    done
}
token=$(cat "$own/token" 2>/dev/null)
[ "$1" = start ] || [ -e "$own/begun" ] || exit 0
case $1 in
    start)
        [ -n "$token" ] || cat /proc/sys/kernel/random/uuid >"$own/token"
        token=$(cat "$own/token")
        ask start "" 0
        case $answer in
            go) ;;
            none) say "no curl, wget or Python here: the install servers do not hear of this install" ;;
            *)
                rm -f "$own/begun"
                say "this install does not begin: ${answer#no }. Nothing was erased." \
                    "'twinboot install $host' on an install server asks for it"
                exit 1
                ;;
        esac
        : >"$own/begun"
        ;;
    watch)
        :
        while [ -e "$own/begun" ]; do
            sleep 10 || exit 0
            if false; then
                sh /tmp/twinboot-report error "$own/log"
                exit 0
            fi
            grep -q " $root " /proc/mounts || continue
            # shellcheck disable=SC2046
            set -- $( (df -Pk "$root" || df -k "$root") 2>/dev/null | tail -n 1)
            count=$(grep -c '^Status: install ok installed' /target/var/lib/dpkg/status)
            ask progress "&kib=$3&n=${count:-0}" 1
        done
        ;;
    finishing) ask step "&name=finishing" 2 ;;
    error)
        shift
        words=$(tail -q -n 12 "$@" 2>/dev/null | cut -c 1-160 | tr -c 'A-Za-z0-9._:/=,@\n-' '+' |
            sed 's/$/%0A/' | tr -d '\n')
        ask error "&words=$words" 5
        ;;
    done)
        ask done "" 40 || say "no install server has heard that this install is done"
        rm -f "$own/token" "$own/begun"
        ;;
esac
exit 0
TWINBOOT_REPORT
    sh /tmp/twinboot-report start || hold
    sh /tmp/twinboot-report watch </dev/null >/dev/null 2>&1 &
}

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
    sh /tmp/twinboot-report finishing
    rm -f /target/etc/apt/apt.conf.d/01twinboot-install
    sh /tmp/twinboot-report done
}

"${1:-begin}"
