# shellcheck shell=sh
# The settings of this server (compose/.env), and the images that they name. For scripts that are in the project's
# folder; obtain_images needs `compose` and `say`.
# shellcheck disable=SC2034,SC2154  # what they have, and what they use

setting() { sed -n "s/^$1=//p" compose/.env | tail -n 1; }

# one write and one rename: a server that loses its power has the old settings or the new ones
remember() {
    [ "$(setting "$1")" != "$2" ] || ! grep -q "^$1=" compose/.env || return 0
    sed "/^$1=/d" compose/.env >compose/.env.part
    printf '%s=%s\n' "$1" "$2" >>compose/.env.part
    replace_env
}

forget() {
    sed "/^$1=/d" compose/.env >compose/.env.part
    replace_env
}

replace_env() {
    chmod --reference=compose/.env compose/.env.part
    sync compose/.env.part
    mv compose/.env.part compose/.env
}

# Whether services that run see what is mounted below the trees folder later: rslave, where Docker can pass it on. It can
# where the folder lies on a shared mount, or on a slave of one, in the engine's own view: so the engine is asked.
choose_propagation() {
    export TWINBOOT_TREES_PROPAGATION=rslave
    $compose run --rm --no-deps -T --entrypoint true render >/dev/null 2>&1 || TWINBOOT_TREES_PROPAGATION=rprivate
}

# The folder of the install trees, or the end: Docker would say only that it cannot mount it.
need_trees() { # COMMAND
    folder=$(setting TWINBOOT_TREES)
    [ -d "$folder" ] || {
        echo "twinboot: $1: the trees folder '$folder' is missing: make it, or set TWINBOOT_TREES in compose/.env" >&2
        exit 2
    }
}

checkout_version() { sed -n 's/^TWINBOOT_VERSION=//p' images/versions.env | tail -n 1; }

# The sidecar's image, for a command that may come before the first `make up`, or the end.
need_sidecar_image() { # COMMAND
    just_sidecar=yes
    obtain_images || { printf 'twinboot: %s: %s\n    %s\n' "$1" "$missing" "$remedy" >&2; exit 2; }
}

# The images of every service that this server runs, or the sidecar's alone (`just_sidecar` is set; render has it, and
# depends on nothing): pulled where a registry is set, else built from this checkout. Otherwise 1, with `missing` and
# `remedy`.
obtain_images() {
    missing='' remedy=''
    absent=''
    # shellcheck disable=SC2086
    for image in $($compose config --images ${just_sidecar:+render} | sort -u); do
        docker image inspect "$image" >/dev/null 2>&1 || absent="$absent $image"
    done
    [ -n "$absent" ] || return 0
    registry=${TWINBOOT_REGISTRY-$(setting TWINBOOT_REGISTRY)}
    if [ -n "$registry" ]; then
        say "pulling from $registry:$absent"
        for image in $absent; do
            said=$(docker pull --quiet "$image" 2>&1) || {
                missing="$image cannot be pulled: $(printf %s "$said" | tail -n 1)"
                remedy="check TWINBOOT_REGISTRY and TWINBOOT_VERSION in compose/.env, and docker login; without TWINBOOT_REGISTRY the images are built here"
                return 1
            }
        done
        return 0
    fi
    ours=$(checkout_version)
    version=${TWINBOOT_VERSION:-$(setting TWINBOOT_VERSION)} version=${version:-$ours}
    if [ "$version" != "$ours" ]; then
        missing="this checkout is version $ours, and there is no image of version $version"
        remedy="git checkout v$version, or set TWINBOOT_REGISTRY in compose/.env to pull the images"
        return 1
    fi
    say "the images are not here: building them (a few minutes)"
    # shellcheck disable=SC2086
    $compose build --quiet ${just_sidecar:+sidecar}
}
