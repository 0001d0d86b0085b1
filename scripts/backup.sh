# shellcheck shell=sh
# `scripts/twinboot backup` and `restore`: a one-shot container, with this server's volumes. For scripts that are in
# the project's folder; needs `called_from`, the folder of the caller, and on_server of trees.sh.
# shellcheck disable=SC2154  # what they have

# The first line of a file, or what is typed on the terminal, twice for a new one: in `passphrase`.
read_passphrase() { # COMMAND FILE TIMES
    if [ -n "$2" ]; then
        passphrase=$(head -n 1 "$2") || exit 2
        return 0
    fi
    if ! (: </dev/tty) 2>/dev/null; then
        echo "twinboot: $1: no terminal to ask for the passphrase on: --passphrase-file FILE" >&2
        exit 2
    fi
    typed='' passphrase=''
    trap 'stty echo </dev/tty; exit 130' INT TERM HUP
    stty -echo </dev/tty
    for time in first $3; do
        [ "$time" = first ] && words=passphrase || words='passphrase again'
        printf '%s: ' "$words" >/dev/tty
        IFS= read -r typed </dev/tty || typed=''
        echo >/dev/tty
        [ "$time" = first ] && passphrase=$typed
    done
    stty echo </dev/tty
    trap - INT TERM HUP
    [ "$typed" = "$passphrase" ] || { echo "twinboot: $1: these are two passphrases; nothing was done" >&2; exit 2; }
}

config_folder() {
    folder=$(setting TWINBOOT_CONFIG)
    case ${folder:=../config} in /*) ;; *) folder=compose/$folder ;; esac
    (cd "$folder" 2>/dev/null && pwd) || { echo "twinboot: TWINBOOT_CONFIG=$folder is not a directory: set it in compose/.env" >&2; exit 2; }
}

# The words after the command: the file in `named`, the passphrase's file in `from`, other options in `options`.
read_words() {
    command=$1 named='' from='' options='' wants=''
    shift
    for word in "$@"; do
        case $wants,$word in
            from,*) from=$word wants='' ;;
            ,--passphrase-file) wants=from ;;
            ,--passphrase-file=*) from=${word#*=} ;;
            ,--help | ,--replace | ,--keep-orders) options="$options $word" ;;
            ,-?*) echo "twinboot: $command: no option $word; scripts/twinboot $command --help" >&2; exit 2 ;;
            *)
                [ -z "$named" ] || { echo "twinboot: $command: one file, not '$named' and '$word'" >&2; exit 2; }
                named=$word ;;
        esac
    done
    [ -z "$wants" ] || { echo "twinboot: $command: --passphrase-file wants a file" >&2; exit 2; }
    [ -z "$from" ] || from=$(on_server "$command" "$from") || exit 2
}

one_shot_with_volumes() { # ARGUMENTS of docker compose run
    exec docker compose --progress quiet -f compose/compose.yaml run --rm --no-deps -T --cap-add DAC_OVERRIDE --cap-add CHOWN "$@"
}

backup() {
    read_words backup "$@"
    [ -f compose/.env ] || { echo "twinboot: backup: compose/.env is missing: nothing was started from here" >&2; exit 2; }
    case $options in *--help*) one_shot_with_volumes sidecar backup --help ;; esac
    : "${named:=twinboot-$(setting TWINBOOT_SERVER)-$(date -u +%Y%m%dT%H%M%SZ).backup}"
    if [ "$named" != - ]; then
        shown=$named
        case $named in /*) ;; *) named=$called_from/$named ;; esac
        into=$(on_server backup "$(dirname "$named")") || exit 2
        [ -d "$into" ] && [ ! -d "$named" ] || { echo "twinboot: backup: '$shown' cannot be a file" >&2; exit 2; }
    fi
    read_passphrase backup "$from" again
    if [ "$named" = - ]; then
        printf '%s\n' "$passphrase" |
            one_shot_with_volumes -v "$PWD/compose:/compose:ro" sidecar backup --passphrase-stdin -
    else
        printf '%s\n' "$passphrase" |
            one_shot_with_volumes -v "$PWD/compose:/compose:ro" -v "$into:/mnt/out" \
                sidecar backup --passphrase-stdin --shown "$shown" "/mnt/out/$(basename "$named")"
    fi
}

restore() {
    read_words restore "$@"
    say() { printf 'twinboot: %s\n' "$*"; }
    compose='docker compose --progress quiet -f compose/compose.yaml'
    [ -f compose/.env ] || cp compose/.env.example compose/.env
    trees=$(setting TWINBOOT_TREES)
    config=$(config_folder) || exit 2
    [ -d "$trees" ] || export TWINBOOT_TREES="$config" # some folder must be mounted
    need_sidecar_image restore
    case $options in *--help*) one_shot_with_volumes sidecar restore --help ;; esac
    [ -n "$named" ] || { echo "twinboot: restore: which file? scripts/twinboot restore FILE" >&2; exit 2; }
    shown=$named named=$(on_server restore "$named") || exit 2
    [ -f "$named" ] || { echo "twinboot: restore: $shown is no file" >&2; exit 2; }
    if [ -n "$($compose ps --quiet --status running --status restarting --status paused)" ]; then
        echo "twinboot: restore: Twinboot runs on this server: make down first; nothing was changed" >&2
        exit 2
    fi
    read_passphrase restore "$from" ''
    # shellcheck disable=SC2086
    printf '%s\n' "$passphrase" |
        one_shot_with_volumes -v "$PWD/compose:/compose" -v "$config:/config" -v "$named:/mnt/backup:ro" \
            sidecar restore --passphrase-stdin --shown "$shown" $options /mnt/backup
}
