# shellcheck shell=sh
# `scripts/twinboot import` and `trees`: a container of its own for each call, without a network, with the trees folder
# writable, and the medium mounted beside it. For scripts that are in the project's folder; needs `called_from`, the
# folder of the caller.
# shellcheck disable=SC2154  # what they have

say() { printf 'twinboot: %s\n' "$*"; }

# A path of this server, from the caller's folder, as Docker can mount it.
on_server() { # COMMAND PATH
    case $2 in
        http://* | https://* | ftp://*) wrong="download it first: $2" ;;
        /*) place=$2 ;;
        *) place=$called_from/$2 ;;
    esac
    [ -n "${wrong:-}" ] || [ -e "$place" ] || wrong="$2 is not there"
    [ -n "${wrong:-}" ] || [ ! -b "$place" ] || wrong="$2 is a drive: mount it (mount -o ro $2 /mnt), and give the folder"
    [ -n "${wrong:-}" ] || place=$(readlink -f "$place")
    case ${wrong:-$place} in *:*) : "${wrong:=Docker cannot mount a path with a colon: $place}" ;; esac
    [ -z "${wrong:-}" ] || { echo "twinboot: $1: $wrong" >&2; return 2; }
    printf '%s\n' "$place"
}

one_shot() {
    command=$1
    shift
    [ -f compose/.env ] || cp compose/.env.example compose/.env
    # shellcheck source=scripts/settings.sh
    . scripts/settings.sh
    need_trees "$command"
    compose='docker compose --progress quiet -f compose/compose.yaml'
    need_sidecar_image "$command"
    medium='' netboot='' add='' option='' left=$#
    while [ "$left" -gt 0 ]; do # each word goes to the end again; paths become those of the container
        word=$1 value_of=$option option=''
        shift
        left=$((left - 1))
        case $value_of,$word in
            --netboot,*)
                netboot=$(on_server "$command" "$word")
                word=/mnt/netboot ;;
            ,--netboot=*)
                netboot=$(on_server "$command" "${word#*=}")
                word=--netboot=/mnt/netboot ;;
            ,--netboot | ,--name | ,--kind | ,--kernel | ,--initrd) option=$word ;;
            ,--add) add=yes ;;
            --* | ,-*) ;;
            *) [ "$command" != import ] || {
                medium=$(on_server "$command" "$word")
                shown=$word word=/mnt/medium
            } ;;
        esac
        set -- "$@" "$word"
    done
    set -- trees "$command" "$@"
    [ -z "$netboot" ] || set -- -v "$netboot:/mnt/netboot:ro" "$@"
    [ -z "$medium" ] || set -- -v "$medium:/mnt/medium:ro" -e "TWINBOOT_MEDIUM=$shown" "$@"
    if [ -n "$add" ]; then # the site file is written anew, and stays its owner's
        config=$(setting TWINBOOT_CONFIG)
        case ${config:=../config} in /*) ;; *) config=compose/$config ;; esac
        set -- --cap-add CHOWN -v "$(cd "$config" && pwd):/config" "$@"
    fi
    run="$compose run --rm --no-deps"
    # shellcheck disable=SC2086
    if [ -t 0 ] && [ -t 1 ]; then exec $run "$@"; fi
    # shellcheck disable=SC2086
    [ "$command" = import ] || exec $run -T "$@"
    # A pipe that nobody writes to: its end is the end of this process, and the container's import ends with it.
    lifeline=$(mktemp -d)
    mkfifo "$lifeline/pipe"
    exec 3<>"$lifeline/pipe"
    rm -r "$lifeline"
    # shellcheck disable=SC2086
    exec $run -T -e TWINBOOT_LIFELINE=1 "$@" <&3
}
