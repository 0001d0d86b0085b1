#!/bin/sh
# Reporting for stage 1: one line per event, on the serial line and on the kernel's console.

standin_consoles() {
    active=
    [ -r /sys/class/tty/console/active ] && read -r active </sys/class/tty/console/active
    echo /dev/console
    case " $active " in
        *" ttyS0 "*) ;;                                  # /dev/console or one of its copies is it already
        *) [ -e /dev/ttyS0 ] && echo /dev/ttyS0 ;;
    esac
}

# standin_report EVENT [key=value ...]
standin_report() {
    read -r up _ </proc/uptime
    for tty in $(standin_consoles); do
        echo "standin: event=$1${2:+ $2} t=$up" >"$tty" 2>/dev/null
    done
}

# standin_locations OPTION: all that OPTION= names, in order, with OPTION.all; else the last one. So does Anaconda.
standin_locations() {
    if getargbool 0 "$1.all"; then
        getargs "$1="
    else
        getarg "$1="
    fi
}
