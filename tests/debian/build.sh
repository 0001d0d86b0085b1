#!/usr/bin/env bash
# Builds a folder of trees out of Debian's own installer. Needs the engine and Debian's mirror.
#   build.sh                build/debian: debian/, kernel, initrd and a mirror of udebs
#   build.sh netboot        build/netboot: netboot/, the netboot archive as it is, with shim and GRUB
#   build.sh netboot-arm64  build/netboot-arm64: the same for arm64
#   build.sh memtest        build/memtest: memtest/, memtest86+ for BIOS and for UEFI
#   build.sh system         build/system: debian13/, the netboot archive and all that a small system needs
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=images/versions.env
. images/versions.env

target=${1:-tree}
case $target in
    tree) out=build/debian tree=debian ;;
    netboot | netboot-arm64) out=build/$target tree=netboot ;;
    memtest) out=build/memtest tree=memtest ;;
    system) out=build/system tree=debian13 ;;
    *) echo "build.sh: no '$target'" >&2; exit 2 ;;
esac

# one at a time: two builds would write the same tree
mkdir -p "$out"
exec 9>"$out/.lock"
flock 9

version=$("${PYTHON:-.venv/bin/python}" -c 'from twinlab.host.images import VERSION; print(VERSION)')
tag=twinboot-test/$(basename "$out"):$version
docker build --quiet --build-arg "BASE=$BASE" --target "$target" --tag "$tag" tests/debian >/dev/null

image=$(docker image inspect --format '{{.Id}}' "$tag")
stamp=$out/.image
if [ ! -d "$out/$tree" ] || [ "$(cat "$stamp" 2>/dev/null)" != "$image" ]; then
    rm -rf "${out:?}/$tree" "$stamp"
    docker build --quiet --build-arg "BASE=$BASE" --target "$target" --output "type=local,dest=$out" tests/debian >/dev/null
    chmod 755 "$out"                # daemons without capabilities must read it
    printf '%s\n' "$image" >"$stamp"
fi
echo "debian: $out/$tree $(du -sh "$out/$tree" | cut -f1)"
