"""Asks the install servers before a disk is erased, and tells them how it goes: a script for every kind.

Owns the script, which each kind puts where its installer's scripts find it; when it is called is the kind's:

    start        may this install begin? Waits until a server says so; ends with 1 when it is refused
    watch        tells how far the new system's file system is filled, until the end. For the background
    finishing    the packages are there
    error FILES  the end of logs, the last one's end last
    done         the new system is whole. Repeated until it is heard, for two minutes at most

All but `start` say nothing where the install was not let begin. The machine proves itself by a token of its
own making, which it shows first with `start`, from its own address. Only answers of one line are asked for,
by GET: what the smallest of installers can do, with curl, wget or Python, whichever there is. Sources:
machines/reports.py; POSIX.1-2017, Shell & Utilities.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..planning.plan import Install, Machine, SitePlan

PLACE = "/tmp/twinboot-report"
"""Where the script is, in the installer's own file system."""
LOG_PORT = 5514
"""Port of the install servers, UDP and TCP: where installers send what they log (machines/syslog.py)."""
_FOLLOW = """\
if command -v logger >/dev/null 2>&1; then # the servers keep it: twinboot logs
            {command} 2>/dev/null | logger -d -n {server} -P {port} -t installer &
        fi"""
JOURNAL = "journalctl -f -n 500 -o cat"
"""For `follow`, where the installer's system has systemd."""
_END = "TWINBOOT_REPORT"
_SCRIPT = """\
host={host} servers='{servers}' root={root}
own={place}.d
mkdir -p "$own"
say() {{
    {{ echo "twinboot: $*" >/dev/console; }} 2>/dev/null || echo "twinboot: $*"
}}
fetch() {{ # URL
    if command -v curl >/dev/null 2>&1; then
        curl -s -m 20 "$1"
    elif command -v wget >/dev/null 2>&1; then
        wget -q -O - "$1" 2>/dev/null
    else
        for python in python3 /usr/libexec/platform-python python2 python; do
            command -v $python >/dev/null 2>&1 || continue
            $python -c 'import sys
try:
    from urllib.request import urlopen
except ImportError:
    from urllib2 import urlopen
sys.stdout.write(urlopen(sys.argv[1]).read().decode())' "$1" 2>/dev/null
            return
        done
        echo none
    fi
}}
ask() {{ # event, more of the query, how often every server is asked; 0: until one has decided
    asked=0
    while :; do
        for server in $servers; do
            answer=$(fetch "http://$server/report/$host/$1?token=$token$2" || true)
            case $answer in go | ok | none | "no "*) return 0 ;; esac
        done
        asked=$((asked + 1))
        [ "$asked" != "$3" ] || return 1
        [ $((asked % 10)) != 1 ] || say "waits for $servers ($1): ${{answer:-none of them answers}}"
        sleep 3 || return 1
    done
}}
token=$(cat "$own/token" 2>/dev/null)
[ "$1" = start ] || [ -e "$own/begun" ] || exit 0
case $1 in
    start)
        [ -n "$token" ] || cat /proc/sys/kernel/random/uuid >"$own/token"
        token=$(cat "$own/token")
        ask start "" 0
        case $answer in
            go) ;;
            none) say "no curl, wget or Python here: the install servers do not hear of this install" ;;
            *)
                rm -f "$own/begun"
                say "this install does not begin: ${{answer#no }}. Nothing was erased." \\
                    "'twinboot install $host' on an install server asks for it"
                exit 1
                ;;
        esac
        : >"$own/begun"
        ;;
    watch)
        {follow}
        while [ -e "$own/begun" ]; do
            sleep 10 || exit 0
            if {given_up}; then
                sh {place} error "$own/log"
                exit 0
            fi
            grep -q " $root " /proc/mounts || continue
            # shellcheck disable=SC2046
            set -- $( (df -Pk "$root" || df -k "$root") 2>/dev/null | tail -n 1)
            count=$({count})
            ask progress "&kib=$3&n=${{count:-0}}" 1
        done
        ;;
    finishing) ask step "&name=finishing" 2 ;;
    error)
        shift
        words=$(tail -q -n 12 "$@" 2>/dev/null | cut -c 1-160 | tr -c 'A-Za-z0-9._:/=,@\\n-' '+' |
            sed 's/$/%0A/' | tr -d '\\n')
        ask error "&words=$words" 5
        ;;
    done)
        ask done "" 40 || say "no install server has heard that this install is done"
        rm -f "$own/token" "$own/begun"
        ;;
esac
exit 0
"""


def report_script(
    plan: SitePlan, install: Install, machine: Machine, *, root: str, count: str = "", given_up: str = "",
    follow: str = "",
) -> str:
    """The script for sh. root: where the installer has mounted the new system. count: a command that prints
    the number of packages there; empty: it is not counted. given_up: a command that succeeds when the
    installer has given up, and leaves its last words in $own/log; empty: the installer itself calls `error`.
    follow: a command that goes on to print what the installer logs, where it sends it to nobody by itself.
    """
    servers = " ".join((install.authority, *install.mirrors))
    return _SCRIPT.format(
        host=machine.name, servers=servers, root=root, place=PLACE, count=count or "true",
        given_up=given_up or "false",
        follow=_FOLLOW.format(command=follow, server=install.authority, port=LOG_PORT) if follow else ":",
    )  # fmt: skip


def laid_down(script: str) -> str:
    """Shell commands that put the script at PLACE."""
    return f"cat >{PLACE} <<'{_END}'\n{script}{_END}\n"


def call(what: str) -> str:
    """Shell command that calls the script."""
    return f"sh {PLACE} {what}"


WATCH = f"{call('watch')} </dev/null >/dev/null 2>&1 &\n"
"""For sh, after `start`."""
COUNT_DEB = "grep -c '^Status: install ok installed' {root}/var/lib/dpkg/status"
"""For sh, with `root` put in: the number of packages by dpkg's own list (dpkg(1))."""
COUNT_RPM = "grep -c '|install|' {root}/var/log/zypp/history"
"""The same by libzypp's history, so that rpm's database is left alone while packages are written (zypper(8),
FILES)."""
