#!/usr/bin/env bash
# Builds the stand-in: images twinboot-test/tree and twinboot-test/client-install, and the tree's files
# in build/trees/rh9. Needs the engine, and pip once for pykickstart's wheel (Debian has no package of it).
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=images/versions.env
. images/versions.env

# one at a time: two builds would write the same tree
mkdir -p build/trees
exec 9>build/trees/.lock
flock 9

pykickstart=3.78
wheels=build/wheels
python=${PYTHON:-python3}
[ ! -x .venv/bin/python ] || python=.venv/bin/python

if ! compgen -G "$wheels/pykickstart-$pykickstart-*.whl" >/dev/null; then
    mkdir -p "$wheels"
    "$python" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$wheels" \
        "pykickstart==$pykickstart"
fi

version=$("$python" -c 'from twinlab.host.images import VERSION; print(VERSION)')
build() {      # build TARGET ARGUMENT...
    local target=$1
    shift
    docker build --quiet --build-arg "BASE=$BASE" --build-context "wheels=$wheels" --target "$target" "$@" \
        tests/standin >/dev/null
}

for target in tree client-install; do
    build "$target" --label "org.opencontainers.image.version=$version" --tag "twinboot-test/$target:$version"
done

# the engine merges into what is there and makes the folder 0700: write it anew, and only when it changed
image=$(docker image inspect --format '{{.Id}}' "twinboot-test/tree:$version")
stamp=build/trees/.rh9.image
if [ ! -d build/trees/rh9 ] || [ "$(cat "$stamp" 2>/dev/null)" != "$image" ]; then
    rm -rf build/trees/rh9 "$stamp"
    build tree --output "type=local,dest=build/trees"
    chmod 755 build/trees           # daemons without capabilities must read it
    printf '%s\n' "$image" >"$stamp"
fi
echo "standin: build/trees/rh9 $(du -sh build/trees/rh9 | cut -f1)"
