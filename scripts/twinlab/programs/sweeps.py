"""The programs that installers fetch with, fetching hundreds of files: as each goes from one to the next.

Owns command lines only. inside/fetchloop.py runs them: /fetched/urls and /fetched/names say what, BASE
the URL of the folder.
"""

from __future__ import annotations

from dataclasses import dataclass

from twinlab.programs.programs import D_I, DRACUT, apt, dnf

_EACH = "while read -r url; do {command} || exit 1; done </fetched/urls"
_PACKAGES = "$(sed s/^/many-/ /fetched/names)"


@dataclass(frozen=True)
class Sweep:
    """files: which ones, see inside/fetchloop.py."""

    command: str
    files: str = "plain"
    schemes: tuple[str, ...] = ("http", "ftp")


SWEEPS: dict[str, Sweep] = {
    # one connection (FTP: one session) for all
    "curl": Sweep("xargs curl -sS --fail --fail-early --remote-name-all </fetched/urls"),
    "wget": Sweep("wget -nv -i /fetched/urls"),
    "lftp": Sweep(
        "(echo set cmd:fail-exit yes; sed 's/^/get /' /fetched/urls) >../script; lftp --norc -f ../script"),
    # each file by itself, as boot stages and debian-installer do it
    "curl-dracut": Sweep(_EACH.format(command=f'{DRACUT} --output "${{url##*/}}" -- "$url"')),
    "busybox": Sweep(_EACH.format(command='busybox wget -q -O "${url##*/}" "$url"')),
    "d-i": Sweep(D_I.format() + _EACH.format(command='d_i "$url" "${url##*/}"')),
    # several connections at once
    "lftp-mirror": Sweep('lftp --norc -c "mirror --parallel=3 $BASE/small ."', "small"),
    # package managers, into a root of their own
    "dnf": Sweep(dnf("$BASE", "rpms", _PACKAGES), "packages"),
    "apt": Sweep(apt("$BASE", "debs", f"install -y {_PACKAGES}"), "packages", ("http",)),
    "ipxe": Sweep('ipxe-fetch "$IP" /fetch/small 0 $(cat /fetched/urls)', "few", ("http",)),
}
