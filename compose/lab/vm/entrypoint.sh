#!/bin/sh
# Starts one virtual machine whose network card sits on the container's network; serial line on stdout.
#
#   MAC         of the machine's card (default: the container's own)
#   MEMORY_MB   1536        SMP   1: QEMU's emulation of several processors can die while PCI is set up
#   DISK_MB     3072        raw file /disk/disk.raw, made when missing
#   BOOT        net         network first; the container ends when the machine restarts
#               disk        disk, else network; likewise
#               auto        the same, but restarts are real: an install goes on to its first boot
#   FIRMWARE    bios        SeaBIOS and iPXE's ROM (uefi: OVMF with its own PXE)
#   GRUB        commands that GRUB runs from a disk of its own, with HTTP, TFTP and hashsum (needs uefi)
set -eu

nic=${INTERFACE:-eth0}
firmware=${FIRMWARE:-bios}
boot=${BOOT:-net}
disk=/disk/disk.raw
mac=${MAC:-$(cat "/sys/class/net/$nic/address")}

die() { echo "vm: $*" >&2; exit 2; }

[ -c /dev/net/tun ] || die "/dev/net/tun is missing: run with --device /dev/net/tun"
mkdir -p "${disk%/*}"
[ -e "$disk" ] || truncate -s "${DISK_MB:-3072}M" "$disk"

# The container's interface becomes a port of a bridge; its own addresses would answer for nobody.
if [ ! -e /sys/class/net/vmbr ]; then
    ip addr flush dev "$nic" || die "no right to change $nic: run with --cap-add NET_ADMIN"
    own=$(cat "/sys/class/net/$nic/address")
    ip link set "$nic" down
    # the bridge must not take the machine's address for its own
    [ "$own" != "$mac" ] || ip link set "$nic" address "02:$(echo "$own" | cut -d: -f2-)"
    ip link add vmbr type bridge forward_delay 0 stp_state 0 mcast_snooping 0
    ip tuntap add vmtap mode tap
    ip link set "$nic" master vmbr
    ip link set vmtap master vmbr
    for link in "$nic" vmtap vmbr; do ip link set "$link" up; done
fi

# iPXE waits long for an IPv6 router; one that says "no IPv6 here" spares it that (see the file).
python3 -I /usr/lib/vm/ra_responder.py vmtap &

net_index=1 disk_index=2 reboot=-no-reboot
case $boot in
    net) ;;
    disk) net_index=2 disk_index=1 ;;
    auto) net_index=2 disk_index=1 reboot= ;;
    *) die "BOOT=$boot: net, disk or auto" ;;
esac

nic_options=''
set -- -machine q35,graphics=off -cpu max -accel tcg,thread=multi -smp "${SMP:-1}" -m "${MEMORY_MB:-1536}"
case $firmware in
    bios) ;;
    uefi)
        [ -e /disk/vars.fd ] || cp /usr/share/OVMF/OVMF_VARS_4M.fd /disk/vars.fd
        set -- "$@" -drive if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd
        set -- "$@" -drive if=pflash,format=raw,unit=1,file=/disk/vars.fd
        nic_options=,romfile=
        ;;
    *) die "FIRMWARE=$firmware: bios or uefi" ;;
esac

# GRUB without an installed system: its own EFI program, and a folder as a FAT disk.
if [ -n "${GRUB:-}" ]; then
    [ "$firmware" = uefi ] || die "GRUB needs FIRMWARE=uefi"
    mkdir -p /tmp/esp/EFI/BOOT
    printf '%s\n' "$GRUB" >/tmp/grub.cfg
    grub-mkimage -O x86_64-efi -o /tmp/esp/EFI/BOOT/BOOTX64.EFI -c /tmp/grub.cfg -p / \
        normal echo sleep halt efinet net http tftp hashsum gcry_sha256
    set -- "$@" -drive if=none,id=esp,format=raw,file=fat:rw:/tmp/esp -device virtio-blk-pci,drive=esp,bootindex=0
fi

# A firmware that found nothing to boot tries again (auto) or ends the container, after 3 s.
# shellcheck disable=SC2086  # reboot is one word or none
exec qemu-system-x86_64 "$@" $reboot -boot reboot-timeout=3000 \
    -display none -vga none -monitor none -nodefaults \
    -chardev stdio,id=serial,signal=off -serial chardev:serial \
    -netdev tap,id=net0,ifname=vmtap,script=no,downscript=no,vhost=off \
    -device "virtio-net-pci,netdev=net0,mac=$mac,bootindex=$net_index$nic_options" \
    -drive "if=none,id=disk0,format=raw,cache=unsafe,file=$disk" \
    -device "virtio-blk-pci,drive=disk0,bootindex=$disk_index" \
    -object rng-random,id=rng0,filename=/dev/urandom -device virtio-rng-pci,rng=rng0
