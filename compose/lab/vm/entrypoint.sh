#!/bin/sh
# Starts one virtual machine whose network card sits on the container's network; serial line on stdout.
#
#   MAC         of the machine's card (default: the container's own)
#   MEMORY_MB   1536        SMP   1: QEMU's emulation of several processors can die while PCI is set up
#   DISK_MB     3072        raw file /disk/disk.raw, made when missing
#   EMPTY_DISK_MB  an empty disk of that size before it (default: none); EMPTY_DISK_PLACE: its place in the
#               boot order, from 2 to 9; those of network and disk are 1 and 4 (default: 5)
#   BOOT        net         network first; the container ends when the machine restarts
#               disk        disk, else network; likewise
#               auto        the same, but restarts are real: an install goes on to its first boot
#   FIRMWARE    bios        SeaBIOS and iPXE's ROM
#               uefi        OVMF with its own PXE
#               uefi-secure the same with Secure Boot and Microsoft's keys
#               uefi-http   OVMF that boots by HTTP alone
#               ipxe        OVMF that starts iPXE from a disk of its own
#               arm64       AAVMF with its own PXE (another image: ../vm-arm64)
#               uboot       U-Boot for arm64 (the same image) as boards have it, with PXE; needs NIC=e1000
#   NIC         virtio      or e1000: under UEFI with iPXE's driver in its ROM
#   SMBIOS      a table for QEMU's -smbios, such as type=1,serial=S42 (default: QEMU's own)
#   GRUB        commands that GRUB runs from a disk of its own, with HTTP, TFTP and hashsum (needs uefi)
set -eu

nic=${INTERFACE:-eth0}
firmware=${FIRMWARE:-bios}
boot=${BOOT:-net}
disk=/disk/disk.raw
esp=/tmp/esp/EFI/BOOT
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

net_index=1 disk_index=4 reboot=-no-reboot
case $boot in
    net) ;;
    disk) net_index=4 disk_index=1 ;;
    auto) net_index=4 disk_index=1 reboot= ;;
    *) die "BOOT=$boot: net, disk or auto" ;;
esac

program=qemu-system-x86_64
machine=q35,graphics=off
processor=max
card=virtio-net-pci
set -- -m "${MEMORY_MB:-1536}"

flash() {       # flash CODE VARS: the firmware, and a copy of its variables that it may write
    [ -e /disk/vars.fd ] || cp "$2" /disk/vars.fd
    echo "-drive if=pflash,format=raw,unit=0,readonly=on,file=$1 -drive if=pflash,format=raw,unit=1,file=/disk/vars.fd"
}

case $firmware in
    bios) chips='' ;;
    uefi | uefi-http | ipxe) chips=$(flash /usr/share/OVMF/OVMF_CODE_4M.fd /usr/share/OVMF/OVMF_VARS_4M.fd) ;;
    uefi-secure)
        chips=$(flash /usr/share/OVMF/OVMF_CODE_4M.secboot.fd /usr/share/OVMF/OVMF_VARS_4M.ms.fd)
        machine=$machine,smm=on
        set -- "$@" -global driver=cfi.pflash01,property=secure,value=on
        ;;
    arm64 | uboot)
        command -v qemu-system-aarch64 >/dev/null || die "FIRMWARE=$firmware needs the image of compose/lab/vm-arm64"
        # `max`: the firmware's network wants random numbers of the processor
        program=qemu-system-aarch64 machine=virt,gic-version=3 processor=max,pauth-impdef=on
        if [ "$firmware" = uboot ]; then
            python3 -I /usr/lib/vm/uboot_env.py /usr/lib/u-boot/qemu_arm64/u-boot.bin boot_targets=pxe >/disk/vars.fd
            truncate -s 64M /disk/vars.fd
            chips="-bios /usr/lib/u-boot/qemu_arm64/u-boot.bin -drive if=pflash,format=raw,unit=1,file=/disk/vars.fd"
        else
            cp /usr/share/AAVMF/QEMU_EFI.fd /disk/code.fd
            truncate -s 64M /disk/code.fd           # the size of that machine's chips
            [ -e /disk/vars.fd ] || truncate -s 64M /disk/vars.fd
            chips=$(flash /disk/code.fd /disk/vars.fd)
        fi
        ;;
    *) die "FIRMWARE=$firmware: bios, uefi, uefi-secure, uefi-http, ipxe, arm64 or uboot" ;;
esac
[ "$firmware" = bios ] || card=$card,romfile=
case ${NIC:-virtio} in
    virtio) ;;
    e1000)
        [ "$firmware" != uefi-secure ] || die "NIC=e1000: its driver is in its ROM, and not signed: Secure Boot refuses it"
        card=e1000
        ;;
    *) die "NIC=$NIC: virtio or e1000" ;;
esac
[ -z "${SMBIOS:-}" ] || set -- "$@" -smbios "$SMBIOS"
[ "$firmware" != uefi-http ] || set -- "$@" -fw_cfg name=opt/org.tianocore/IPv4PXESupport,string=n \
    -fw_cfg name=opt/org.tianocore/IPv6PXESupport,string=n

# A disk of its own to start from, without an installed system: a folder as a FAT disk.
if [ -n "${GRUB:-}" ]; then
    [ "$firmware" = uefi ] || die "GRUB needs FIRMWARE=uefi"
    mkdir -p "$esp"
    printf '%s\n' "$GRUB" >/tmp/grub.cfg
    grub-mkimage -O x86_64-efi -o "$esp/BOOTX64.EFI" -c /tmp/grub.cfg -p / \
        normal echo sleep halt efinet net http tftp hashsum gcry_sha256
elif [ "$firmware" = ipxe ]; then
    install -D /usr/lib/ipxe/ipxe.efi "$esp/BOOTX64.EFI"
fi
if [ -d "$esp" ]; then
    set -- "$@" -drive if=none,id=esp,format=raw,file=fat:rw:/tmp/esp -device virtio-blk-pci,drive=esp,bootindex=0
fi

# OVMF shows a loader only the disks that have a place in the boot order
if [ -n "${EMPTY_DISK_MB:-}" ]; then
    truncate -s "${EMPTY_DISK_MB}M" /tmp/empty.raw
    set -- "$@" -drive if=none,id=empty,format=raw,file=/tmp/empty.raw \
        -device "virtio-blk-pci,drive=empty,bootindex=${EMPTY_DISK_PLACE:-5}"
fi

# A firmware that found nothing to boot tries again (auto) or ends the container, after 3 s.
# shellcheck disable=SC2086  # chips are words, reboot is one word or none
exec "$program" -machine "$machine" -cpu "$processor" -accel tcg,thread=multi -smp "${SMP:-1}" "$@" $chips $reboot \
    -boot reboot-timeout=3000 -display none -vga none -monitor none -nodefaults \
    -chardev stdio,id=serial,signal=off -serial chardev:serial \
    -netdev tap,id=net0,ifname=vmtap,script=no,downscript=no,vhost=off \
    -device "$card,netdev=net0,mac=$mac,bootindex=$net_index" \
    -drive "if=none,id=disk0,format=raw,cache=unsafe,file=$disk" \
    -device "virtio-blk-pci,drive=disk0,bootindex=$disk_index" \
    -object rng-random,id=rng0,filename=/dev/urandom -device virtio-rng-pci,rng=rng0
