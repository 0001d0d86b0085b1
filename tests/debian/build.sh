#!/usr/bin/env bash
# Builds the tree of debian-installer and writes it to build/debian/debian. Needs the engine and Debian's mirror.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=images/versions.env
. images/versions.env

# one at a time: two builds would write the same tree
mkdir -p build/debian
exec 9>build/debian/.lock
flock 9

version=$("${PYTHON:-.venv/bin/python}" -c 'from twinlab.host.images import VERSION; print(VERSION)')
tag=twinboot-test/debian:$version
docker build --quiet --build-arg "BASE=$BASE" --target tree --tag "$tag" tests/debian >/dev/null

image=$(docker image inspect --format '{{.Id}}' "$tag")
stamp=build/debian/.image
if [ ! -d build/debian/debian ] || [ "$(cat "$stamp" 2>/dev/null)" != "$image" ]; then
    rm -rf build/debian/debian "$stamp"
    docker build --quiet --build-arg "BASE=$BASE" --target tree --output type=local,dest=build/debian tests/debian >/dev/null
    chmod 755 build/debian          # daemons without capabilities must read it
    printf '%s\n' "$image" >"$stamp"
fi
echo "debian: build/debian/debian $(du -sh build/debian/debian | cut -f1)"
