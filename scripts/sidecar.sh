# shellcheck shell=sh
# Questions to this server's sidecar, which may be replaced, or restart for a new file, under any of them: then the
# exec ends with 1 or 137, and says nothing of how the server is. Needs `compose`, in the project's folder.
# shellcheck disable=SC2034,SC2154  # what they have, and what they use

sidecar() { $compose exec -T sidecar twinboot "$@"; }

# Whose ports are our own, for `check --running`: one that restarts has them again in a moment.
running_services() { $compose ps --services --status running --status restarting 2>/dev/null | tr '\n' ' '; }

# Waits until the sidecar takes part and works with the files that stand there now: 0; else 1, after SETTLE_S.
wait_settled() {
    end=$(($(date +%s) + ${SETTLE_S:-45}))
    while :; do
        state=$(sidecar status --json 2>/dev/null || true)
        case $state in
            *'"settled": false'*) ;;
            *'"state": "active"'* | *'"state": "standby"'*) return 0 ;;
        esac
        [ "$(date +%s)" -lt "$end" ] || return 1
        sleep 0.5
    done
}

# Asks until the sidecar itself has answered: its exit code, with its words in `said`. `refused` is set when it said no;
# empty with another code than 0: there was nobody to ask.
ask_sidecar() {
    refused=''
    for try in 1 2 3 4 5; do
        code=0
        said=$(sidecar "$@" 2>&1) || code=$?
        [ "$code" != 0 ] || return 0
        case $said in
            "twinboot: $1: "*)
                said=${said#"twinboot: $1: "} refused=yes
                return 1 ;;
        esac
        [ -n "$($compose ps --quiet --status running --status restarting sidecar 2>/dev/null)" ] || return "$code"
        sleep "$try"
    done
    return "$code"
}

# The table, as on a terminal; asked again while there is nobody to ask.
show_status() {
    for try in 1 2 3 4 5; do
        scripts/twinboot status 2>/dev/null && return 0
        sleep "$try"
    done
    scripts/twinboot status
}
