#!/bin/sh
# Lays out the files of the two real packages: a busybox system and the kernel that boots it.
# usage: make_system.sh KERNEL_ROOT SYSTEM_DIR KERNEL_DIR
set -eu
kernel_root=$1 system=$2 kernel=$3
here=$(dirname "$0")
version=$(basename "$kernel_root"/usr/lib/modules/*)

mkdir -p "$system/usr/bin" "$system/usr/sbin" "$system/etc/standin" "$system/var/log" \
    "$system/dev" "$system/proc" "$system/sys" "$system/run" "$system/root" "$system/boot" "$system/tmp"
chmod 1777 "$system/tmp"
ln -s usr/bin "$system/bin"
ln -s usr/sbin "$system/sbin"
cp /bin/busybox "$system/usr/bin/busybox"
for applet in $(/bin/busybox --list); do
    case $applet in busybox | init) ;; *) ln -s busybox "$system/usr/bin/$applet" ;; esac
done
install -m 755 "$here/system-init.sh" "$system/usr/sbin/init"
printf 'NAME="Twinboot installer stand-in"\nID=standin\nVERSION_ID=9.0\n' >"$system/etc/os-release"
printf 'root:x:0:0:root:/root:/bin/sh\n' >"$system/etc/passwd"
printf 'root:x:0:\n' >"$system/etc/group"

mkdir -p "$kernel/boot"
cp "$kernel_root"/boot/vmlinuz-* "$kernel/boot/vmlinuz"
initrd=$(mktemp -d)
mkdir -p "$initrd/bin" "$initrd/modules"
cp /bin/busybox "$initrd/bin/"
install -m 755 "$here/initrd-init.sh" "$initrd/init"
find "$kernel_root/usr/lib/modules/$version" -name virtio_blk.ko.xz -exec cp {} "$initrd/modules/" \;
xz -d "$initrd"/modules/*.xz
find "$initrd" -exec touch -h -d @1704067200 {} +
(cd "$initrd" && find . | LC_ALL=C sort | cpio --quiet --reproducible -o -H newc | gzip -9n) >"$kernel/boot/initrd.img"
chmod 644 "$kernel"/boot/*
