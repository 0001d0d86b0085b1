# shellcheck shell=sh
# `scripts/twinboot enroll`, `unenroll` and `hosts`: the running sidecar works out the changed site file, a container of
# its own writes it, and `apply` takes it into use on all servers; what a server refuses is taken back. For scripts that
# are in the project's folder; needs `called_from`, the folder of the caller.
# shellcheck disable=SC2154  # what they have

TO_APPLY=10 TO_WRITE=11 # ends of a command that leaves a proposal (commands/hosts/proposal.py)

in_sidecar() { docker compose -f compose/compose.yaml exec -T -e "TWINBOOT_PROPOSAL=$proposal" sidecar twinboot "$@"; }

# A container with the config folder writable; the site file stays its owner's.
write_site() {
    config=$(setting TWINBOOT_CONFIG)
    case ${config:=../config} in /*) ;; *) config=compose/$config ;; esac
    docker compose --progress quiet -f compose/compose.yaml run --rm --no-deps -T --cap-add CHOWN \
        -v "$(cd "$config" && pwd):/config" trees hosts write "$@" <"$kept"
}

change_hosts() {
    # shellcheck source=scripts/settings.sh
    . scripts/settings.sh
    proposal=$$-$(date +%s) yes='' without='' input=/dev/null table=''
    [ "$1 ${2:-}" != "hosts import" ] || table=yes
    option='' at=0 left=$#
    while [ "$left" -gt 0 ]; do # each word goes to the end again; a table's file becomes the standard input
        word=$1 value_of=$option option=''
        shift
        at=$((at + 1)) left=$((left - 1))
        case $value_of,$word in
            --without,*) without="$without --without $word" ;;
            --*,*) ;;
            ,--without | ,--subnet | ,--name | ,--address | ,--profile | ,--group) option=$word ;;
            ,--without=*) without="$without $word" ;;
            ,--yes) yes=yes ;;
            ,-) input=- ;;
            ,-*) ;;
            *)
                if [ -n "$table" ] && [ "$at" -gt 2 ]; then
                    case $word in /*) input=$word ;; *) input=$called_from/$word ;; esac
                    [ -f "$input" ] && [ -r "$input" ] || {
                        echo "twinboot: hosts import: $word is no file that can be read" >&2
                        return 2
                    }
                    word=-
                fi ;;
        esac
        set -- "$@" "$word"
    done
    code=0
    if [ "$input" = - ]; then in_sidecar "$@" || code=$?; else in_sidecar "$@" <"$input" || code=$?; fi
    case $code in "$TO_APPLY" | "$TO_WRITE") ;; *) return "$code" ;; esac

    kept=$(mktemp)
    trap 'rm -f "$kept"' EXIT
    in_sidecar hosts proposal >"$kept" </dev/null
    if [ -z "$yes" ]; then
        what='write this to config/site.yaml'
        [ "$code" = "$TO_WRITE" ] || what="$what, and apply it on all servers"
        answer=''
        if [ -t 1 ] && [ -r /dev/tty ]; then
            printf '%s? [y/N] ' "$what"
            read -r answer </dev/tty || true
        fi
        case $answer in
            y | Y | yes) ;;
            *)
                echo "twinboot: nothing was changed (--yes does not ask)" >&2
                return 3 ;;
        esac
    fi
    write_site || return
    if [ "$code" = "$TO_WRITE" ]; then
        echo "written to config/site.yaml; scripts/twinboot apply takes it into use"
        return 0
    fi
    # shellcheck disable=SC2086
    in_sidecar apply --yes $without </dev/null || {
        code=$?
        write_site --back || true
        return "$code"
    }
}
