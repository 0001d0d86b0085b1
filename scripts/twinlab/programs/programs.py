"""The programs that installers fetch with, each as it is called by them, and what each must have in the end.

Owns command lines only. {base} is the URL of the folder that compose/lab/fetcher/make-repositories fills,
{pause} the seconds between two of many files, {ip} the machine's own address.
"""

from __future__ import annotations

from dataclasses import dataclass

SMALL = tuple(f"{number:02d}.bin" for number in range(1, 13))
PAUSE_S = 1

_EACH = "for n in $(seq -w 1 12); do {command}; sleep {{pause}}; done"
# As debian-installer's fetch-url does it (debian-installer-utils, fetch-url-methods/http).
D_I = (
    "d_i() {{ for i in 1 2; do busybox wget -q -O $2 $1 && return; "
    "for j in 1 2 3; do busybox wget -c -q $1 -O $2 && return; done; done; return 1; }}; "
)
DRACUT = "curl --globoff --location --retry 3 --retry-connrefused --fail --show-error -s"
"""As dracut's url-lib.sh does it, and so Anaconda's first stage."""


def dnf(base: str, repository: str, words: str) -> str:
    """dnf with a root of its own, `root` in the folder where it is run."""
    return (
        "dnf -q --installroot=$PWD/root --setopt=reposdir=/dev/null --setopt=cachedir=$PWD/cache "
        "--setopt=logdir=$PWD --setopt=plugins=0 --releasever=1 --nogpgcheck --disablerepo='*' "
        f"--repofrompath=lab,{base}/{repository} install -y {words}"
    )


def apt(base: str, repository: str, words: str) -> str:
    """apt likewise, with lists and cache in the folder where it is run."""
    return (
        "mkdir -p etc/apt.conf.d etc/preferences.d state/lists/partial cache/archives/partial "
        "root/var/lib/dpkg/info root/var/lib/dpkg/updates; : >root/var/lib/dpkg/status; "
        f"echo 'deb [trusted=yes] '{base}/{repository} ./ >etc/sources.list; "
        'apt="apt-get -q -o Dir::Etc=$PWD/etc -o Dir::State=$PWD/state '
        "-o Dir::State::status=$PWD/root/var/lib/dpkg/status -o Dir::Cache=$PWD/cache "
        '-o Dpkg::Options::=--root=$PWD/root -o APT::Sandbox::User=root '
        '-o Acquire::AllowInsecureRepositories=true"; '
        f"$apt update && $apt {words}"
    )


_APT_NAMES = '$(grep -h ^Package: state/lists/*Packages* | cut -d" " -f2)'
_DNF = dnf("{base}", "rpm", "--downloadonly --downloaddir=$PWD 'fetch-*'")
_APT = apt("{base}", "deb", f"download {_APT_NAMES}")


@dataclass(frozen=True)
class Program:
    """one: fetches a big file (or a repository); many: twelve small ones with pauses, when it can.

    sums: which list of SHA-256 the two must fulfil. slow: takes seconds before its first request.
    without: what its machine's TCP does not offer, by the names of sysctls in net.ipv4.
    behind: what stands between (middleboxes.BEHIND).
    """

    one: str
    many: str
    sums: tuple[str, str] = ("one", "many")
    schemes: tuple[str, ...] = ("http", "ftp")
    slow: bool = False
    without: tuple[str, ...] = ()
    behind: str = ""

    def command(self, base: str, ip: str, *, many: bool) -> str:
        text = self.many if many else self.one
        urls = " ".join(f"{base}/many/{name}" for name in SMALL)
        gets = "; ".join(f"get {base}/many/{name}; sleep {PAUSE_S}" for name in SMALL)
        return text.format(base=base, ip=ip, pause=PAUSE_S, urls=urls, gets=gets)


_CURL = "curl -sS -o big.bin {base}/big.bin", "curl -sS --rate 60/m -o '#1.bin' '{base}/many/[01-12].bin'"

PROGRAMS: dict[str, Program] = {
    "curl": Program(*_CURL, schemes=("http", "ftp", "tftp")),
    "curl-http2": Program(  # asks for an upgrade to HTTP/2, which nobody grants
        _CURL[0].replace("curl", "curl --http2"), _CURL[1].replace("curl", "curl --http2"), schemes=("http",),
    ),
    "curl-without-sack": Program(*_CURL, without=("tcp_sack",)),
    "curl-without-scaling": Program(*_CURL, without=("tcp_sack", "tcp_window_scaling")),
    "curl-behind-nat": Program(*_CURL, behind="NAT"),
    "curl-behind-filter": Program(*_CURL, behind="strict filter"),
    "curl-dracut": Program(
        f"{DRACUT} --output big.bin -- {{base}}/big.bin",
        _EACH.format(command=f"{DRACUT} --output $n.bin -- {{base}}/many/$n.bin || exit 1"),
    ),
    "wget": Program("wget -nv -O big.bin {base}/big.bin", "wget -nv -w {pause} {urls}"),
    "lftp": Program("lftp --norc -c 'get {base}/big.bin'", "lftp --norc -c '{gets}'"),
    "busybox": Program(
        "busybox wget -q -O big.bin {base}/big.bin",
        _EACH.format(command="busybox wget -q -O $n.bin {base}/many/$n.bin || exit 1"),
    ),
    "d-i": Program(
        f"{D_I}d_i {{base}}/big.bin big.bin",
        D_I + _EACH.format(command="d_i {base}/many/$n.bin $n.bin || exit 1"),
    ),
    "dnf": Program(_DNF, _DNF, ("rpm", "rpm"), slow=True),
    "apt": Program(_APT, _APT, ("deb", "deb"), schemes=("http",), slow=True),
    "ipxe": Program(
        "ipxe-fetch {ip} /fetch 0 {base}/big.bin", "ipxe-fetch {ip} /fetch/many 1 {urls}",
        schemes=("http",), slow=True,
    ),
}
