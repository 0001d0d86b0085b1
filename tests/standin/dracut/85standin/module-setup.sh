#!/bin/bash
# dracut module: what Anaconda adds to dracut's network boot, kept to what the stand-in needs.
# It owns the inst.* arguments; DHCP, fetching and the overlay root are dracut's own modules.
# shellcheck disable=SC2154  # moddir comes from dracut

check() {
    return 255      # only when asked for by name
}

depends() {
    echo network-legacy url-lib livenet dmsquash-live img-lib
}

installkernel() {
    hostonly='' instmods virtio_net virtio_blk virtio_scsi virtio-rng af_packet sd_mod squashfs overlay loop efivarfs
}

install() {
    inst_multiple sed grep wc cut sha256sum
    inst_hook cmdline 28 "$moddir/parse-standin.sh"
    inst_hook pre-mount 00 "$moddir/overlay-dirs.sh"
    inst_hook pre-pivot 50 "$moddir/hand-over.sh"
    inst_script "$moddir/standin-netroot.sh" /sbin/standinroot
    inst_simple "$moddir/standin-lib.sh" /lib/standin-lib.sh
    dracut_need_initqueue
}
