# shellcheck shell=sh
# `scripts/twinboot invite`: names the new server in the site where that is asked for, then waits for it. For scripts that
# are in the project's folder and have read settings.sh, sidecar.sh and backup.sh.
# shellcheck disable=SC2154  # what they have

# `twinboot member ...` in a one-shot container, which may write the site file.
member() {
    $compose run --rm --no-deps -T --cap-add DAC_OVERRIDE --cap-add CHOWN --cap-add FOWNER -v "$config:/config" sidecar member "$@"
}

# The edited site file is applied, or the former one is put back.
apply_member() { # OPTIONS of apply
    if $compose exec $tty sidecar twinboot apply "$@"; then
        member settle
        return 0
    fi
    member undo
    return 1
}

invite() {
    name='' entry='' yes='' options='' wants=''
    for word in "$@"; do
        case $wants,$word in
            entry,*) entry="$entry $word" wants='' ;;
            option,*) options="$options $word" wants='' ;;
            ,--address | ,--interface | ,--link) entry="$entry $word" wants=entry ;;
            ,--address=* | ,--interface=* | ,--link=*) entry="$entry $word" ;;
            ,--minutes | ,--port) options="$options $word" wants=option ;;
            ,--server) wants=name ;;
            name,*) name=$word wants='' ;;
            ,--server=*) name=${word#*=} ;;
            ,--yes) yes=--yes ;;
            ,-*) options="$options $word" ;;
            *) name=$word ;;
        esac
    done
    compose='docker compose --progress quiet -f compose/compose.yaml'
    config=$(config_folder) || exit 2
    tty=-T
    if [ -t 0 ] && [ -t 1 ]; then tty=''; fi
    if [ -n "$entry" ]; then
        case $name in
            '' | *[!A-Za-z0-9-]*) echo "twinboot: invite: the name of the new server is missing: invite NAME --address ..." >&2; exit 2 ;;
        esac
        # shellcheck disable=SC2086
        member add "$name" $entry || exit 2
        # it does not run yet, though one of its name may have been heard before
        # shellcheck disable=SC2086
        apply_member --without "$name" $yes || { echo "twinboot: invite: $name is not in the site, and is not invited" >&2; exit 1; }
    fi
    set -- -v "$PWD/compose:/compose:ro" sidecar invite
    [ -z "$name" ] || set -- "$@" "$name"
    # shellcheck disable=SC2086
    [ -n "$tty" ] || exec $compose run --rm --no-deps "$@" $options
    # A pipe that nobody writes to: its end is the end of this process, and the invitation ends with it.
    lifeline=$(mktemp -d)
    mkfifo "$lifeline/pipe"
    exec 3<>"$lifeline/pipe"
    rm -r "$lifeline"
    # shellcheck disable=SC2086
    exec $compose run --rm --no-deps -T -e TWINBOOT_LIFELINE=1 "$@" $options <&3
}
