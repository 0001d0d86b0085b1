"""What a profile says of the new system itself, as one script for all installer kinds.

Owns accounts, SSH keys, who may become root, time servers and the proxy. Every kind runs the script in the
new system's root at the end of an install, before the profile's own `post`: so these settings mean the same
whatever installs it. Sources: useradd(8), usermod(8), sshd(8) (authorized_keys),
sudoers(5), chrony.conf(5), timesyncd.conf(5), apt.conf(5), dnf.conf(5), yum.conf(5).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from ..planning.plan import SitePlan
    from ..site.model.site import Profile, User
    from .base import Passwords

_KEYS = """\
open_to() { # account, a line of authorized_keys
    home=$(awk -F: -v of="$1" '$1 == of { print $6 }' /etc/passwd)
    mkdir -p "$home/.ssh" && touch "$home/.ssh/authorized_keys" || return
    grep -qxF "$2" "$home/.ssh/authorized_keys" || printf '%s\\n' "$2" >>"$home/.ssh/authorized_keys"
    chmod 700 "$home/.ssh" && chmod 600 "$home/.ssh/authorized_keys"
    chown -R "$1:$(id -g "$1")" "$home/.ssh"
    ! command -v restorecon >/dev/null || restorecon -R "$home/.ssh" || true
}
"""
_NTP = """\
clocks={servers}
for conf in /etc/chrony.conf /etc/chrony/chrony.conf /etc/ntp.conf /etc/ntpsec/ntp.conf; do
    [ -f "$conf" ] || continue
    clocks_told=$conf
    ! grep -q '^# Time servers: Twinboot' "$conf" || continue
    sed -i 's/^ *\\(server\\|pool\\) /# &/' "$conf"
    echo '# Time servers: Twinboot' >>"$conf"
    for clock in $clocks; do echo "server $clock iburst" >>"$conf"; done
done
if [ -e /lib/systemd/systemd-timesyncd ] || [ -e /usr/lib/systemd/systemd-timesyncd ]; then
    mkdir -p /etc/systemd/timesyncd.conf.d
    printf '[Time]\\nNTP=%s\\n' "$clocks" >/etc/systemd/timesyncd.conf.d/twinboot.conf
    clocks_told=timesyncd
fi
[ -n "${{clocks_told:-}}" ] || echo "twinboot: no time service is installed (chrony, say) that ntp is for" >&2
"""
_PROXY = """\
proxy={proxy}
for conf in /etc/dnf/dnf.conf /etc/yum.conf; do
    [ ! -f "$conf" ] || [ -L "$conf" ] || sed -i -e /^proxy=/d -e "/^\\[main\\]/a proxy=$proxy" "$conf"
done
if [ -d /etc/apt/apt.conf.d ]; then
    printf 'Acquire::http::Proxy "%s";\\nAcquire::https::Proxy "%s";\\n' "$proxy" "$proxy" \\
        >/etc/apt/apt.conf.d/80twinboot-proxy
    for server in {direct}; do
        printf 'Acquire::http::Proxy::%s "DIRECT";\\n' "$server" >>/etc/apt/apt.conf.d/80twinboot-proxy
    done
fi
if [ -f /etc/sysconfig/proxy ]; then
    sed -i -e 's/^PROXY_ENABLED=.*/PROXY_ENABLED="yes"/' -e "s|^\\(HTTPS*_PROXY\\)=.*|\\1=\\"$proxy\\"|" \\
        -e 's/^NO_PROXY=.*/NO_PROXY="localhost, 127.0.0.1, {commas}"/' /etc/sysconfig/proxy
fi
"""


def setup_script(plan: SitePlan, profile: Profile, passwords: Passwords) -> str:
    """For sh, as root of the new system; empty, when there is nothing to be said."""
    return "".join((*_accounts(profile, passwords), *_services(plan, profile)))


def needs_sudo(profile: Profile) -> bool:
    """Must the package `sudo` be there?"""
    return any(user.sudo for user in profile.users)


def _accounts(profile: Profile, passwords: Passwords) -> Iterator[str]:
    if profile.ssh_keys or any(user.ssh_keys for user in profile.users):
        yield _KEYS
    if profile.ssh_keys:
        yield from _opened("root", profile.ssh_keys)
    for user in profile.users:
        yield from _account(user, passwords.users.get(user.name))


def _account(user: User, password: str | None) -> Iterator[str]:
    options = [f"-c {shlex.quote(user.full_name)}"] if user.full_name else []
    yield f"id {user.name} >/dev/null 2>&1 || useradd -m -s /bin/bash {' '.join((*options, user.name))}\n"
    if user.groups:
        yield f"usermod -a -G {','.join(user.groups)} {user.name}\n"
    if password is not None:
        yield f"usermod -p {shlex.quote(password)} {user.name}\n"
    if user.ssh_keys:
        yield from _opened(user.name, user.ssh_keys)
    if user.sudo:
        how = "ALL" if password is not None else "NOPASSWD: ALL"
        # SUSE's sudo asks for the target's password otherwise
        lines = f"'Defaults:{user.name} !targetpw' '{user.name} ALL=(ALL) {how}'"
        yield (
            f"mkdir -p /etc/sudoers.d && printf '%s\\n' {lines} >/etc/sudoers.d/{user.name}"
            f" && chmod 440 /etc/sudoers.d/{user.name}\n"
        )


def _opened(account: str, keys: tuple[str, ...]) -> Iterator[str]:
    yield from (f"open_to {account} {shlex.quote(key)}\n" for key in keys)


def _services(plan: SitePlan, profile: Profile) -> Iterator[str]:
    if profile.ntp:
        yield _NTP.format(servers=shlex.quote(" ".join(profile.ntp)))
    if profile.proxy is not None:
        own = [str(group.address) for group in plan.site.groups.values()]
        direct = (*own, plan.install_name)
        proxy = shlex.quote(urlsplit(profile.proxy).geturl())
        yield _PROXY.format(proxy=proxy, direct=" ".join(direct), commas=", ".join(direct))
