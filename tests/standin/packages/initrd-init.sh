#!/bin/busybox sh
# /init of the installed system's small initrd: one disk driver, one root file system.
/bin/busybox mkdir -p /proc /sys /dev /root
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs dev /dev
for module in /modules/*.ko; do /bin/busybox insmod "$module"; done
root=
for argument in $(/bin/busybox cat /proc/cmdline); do
    case $argument in root=*) root=${argument#root=} ;; esac
done
tries=0
until device=$(/bin/busybox findfs "$root" 2>/dev/null); do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || { echo "standin: event=failed reason=\"no $root\""; /bin/busybox poweroff -f; }
    /bin/busybox usleep 100000
done
/bin/busybox mount -t ext4 "$device" /root
/bin/busybox mount --move /dev /root/dev
/bin/busybox umount /proc /sys
exec /bin/busybox switch_root /root /sbin/init
