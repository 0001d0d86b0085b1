#!/bin/sh
# pre-mount hook: the overlay's writable side, which dracut makes only when it sees its option in time
mkdir -p /run/overlayfs /run/ovlwork
