"""A rack at work, as the sidecar of one of its three servers tells it: every state, alarms, moves.

The shapes are those of real replies: a test of the lab (operator/test_page_browser.py) compares their keys.
"""

from __future__ import annotations

from typing import Any

from fakesidecar import CHANGE, CHOICES, COMPARED, LOG, PAST, FakeSidecar
from twinboot import daemons

NOON = 1_800_000_000.0
HOSTILE = "<script>document.title='owned'</script>\x1b[2J\x1b]0;owned\x07\x1b[31mred\u202eesrever\x00"
STATES = (
    ("packages", 3), ("done", 5), ("waiting", 3), ("finishing", 1), ("failed", 1), ("stalled", 1),
    ("kernel", 1), ("answers", 1), ("loader", 1), ("local", 2), ("packages", 1),
)  # fmt: skip
_WORDS = {
    "failed": "%post: /usr/bin/site-register: exit 7\nnetwork is unreachable\n" + HOSTILE,
    "packages": "Installing kernel-core.x86_64", "stalled": "Installing glibc-langpack-en.x86_64",
    "finishing": "running %post",
}  # fmt: skip


def machine(number: int, state: str) -> dict[str, Any]:
    step = {"failed": "finishing", "stalled": "packages", "local": "waiting"}.get(state, state)
    at_work = state in ("packages", "finishing", "stalled", "failed")
    known = state not in ("waiting", "local")
    profile = "rhel9-web" if number % 3 else "debian13-store"
    return {
        "name": f"rack1-{number:02}", "state": state, "step": step,
        "boots": "install" if state in ("waiting", "loader", "kernel", "answers") else "disk",
        "profile": profile, "installed_with": profile, "server": f"server{1 + number % 2}" if known else "",
        "group": "first" if number % 2 else "second", "addresses": [f"192.168.0.{100 + number}"],
        "macs": [f"52:54:00:00:01:{number:02x}"],
        "reports": True, "orders": 1, "attempt": 0, "packages": 120 + 17 * number if at_work else 0,
        "of": 512 if at_work else 0, "kib": 350_000 + number * 20_000 if at_work else 0,
        "silent_s": 3.0 if state != "stalled" else 780.0, "at": NOON - 60, "words": _WORDS.get(state, ""),
    }  # fmt: skip


def machines() -> list[dict[str, Any]]:
    states = [state for state, count in STATES for _ in range(count)]
    return [machine(number, state) for number, state in enumerate(states, 1)]


def state_history() -> list[dict[str, Any]]:
    steps = ("waiting", "loader", "kernel", "answers", "packages", "finishing")
    said = (*((step, "") for step in steps), ("failed", HOSTILE))
    return [
        {"at": NOON - 600 + 71.4 * number, "state": state, "server": "server1", "words": words}
        for number, (state, words) in enumerate(said)
    ]


def _ready(*names: str) -> dict[str, Any]:
    return {name: {"ready": True, "why": [], "remedy": ""} for name in names}


_GOOD = {name: {"health": "good", "fault": ""} for name in daemons.names()}
_SITE = {"number": 12, "digest": "5f1c0a44b9de0aa7"}
STATUS: dict[str, Any] = {
    "ok": True, "server": "server1", "cluster": "rack", "version": "0.2.0", "boot": "1", "uptime_s": 93_784.0,
    "state": "active", "settled": True, "site": _SITE, "lan": "up", "daemons": _GOOD, "hold_down_s": 0.0,
    "groups": {
        "first": {"address": "192.168.0.253", "state": "held", "holder": "server1",
                  "order": ["server1", "server2", "server3"], "eligible": True, "reason": "",
                  "since_s": 93_000.0, "services": {"dhcpd": "running"},
                  "readiness": _ready("server1", "server2", "server3")},
        "second": {"address": "192.168.0.254", "state": "held", "holder": "server1",
                   "order": ["server2", "server1", "server3"], "eligible": True, "reason": "server2 is dead",
                   "since_s": 130.0, "services": {}, "readiness": {
                       **_ready("server1"), "server2": {"ready": None, "why": [], "remedy": ""},
                       "server3": {"ready": False, "why": ["vsftpd does not start: port 21 is taken"],
                                   "remedy": "`ss -ltnp 'sport = :21'` on server3"}}},
    },
    "peers": {
        "server2": {"state": "dead", "standby": False, "left": False, "version": "0.2.0", "hears_us": False,
                    "lan": "unknown", "daemons": {}, "hold_down_s": 0.0, "site": _SITE,
                    "site_differs_s": None, "differing_parts": [],
                    "links": {"lan": {"state": "down", "age_ms": 131_000},
                              "crossover": {"state": "down", "age_ms": 131_000}}},
        "server3": {"state": "alive", "standby": False, "left": False, "version": "0.1.0", "hears_us": True,
                    "lan": "up", "daemons": {**_GOOD, "vsftpd": {"health": "bad"}}, "hold_down_s": 95.0,
                    "site": _SITE, "site_differs_s": None, "differing_parts": [],
                    "links": {"lan": {"state": "up", "age_ms": 48},
                              "crossover": {"state": "up", "age_ms": 51}}},
    },
    "counters": {}, "connections": {},
    "trees": {"rhel9": {"server1": "as imported", "server2": "unknown", "server3": "same"},
              "debian13": {"server1": "as imported", "server2": "unknown", "server3": "copying"}},
    "tree_copies": {"server3": {"debian13": {"from": "server1", "done": 402_000_000, "size": 731_000_000,
                                             "left_s": 61.0}}},
    "https": {"port": 443, "fingerprint": "AB:" * 31 + "AB"},
    "tree_reading": ["rhel9", 3_400_000_000, 11_900_000_000],
    "alarms": [
        {"code": "server-silent", "subject": "server2", "since": "2027-01-15T07:57:50Z",
         "text": "no heartbeat of server2 for 2m10s by lan, crossover",
         "remedy": "power, sidecar and cables of that server; a firewall must let UDP port 694 pass",
         "severity": "critical", "subject_type": "SERVER"},
        {"code": "not-ready", "subject": "server3/vsftpd", "since": "2027-01-15T07:10:00Z",
         "text": "vsftpd could not be started on server3: port 21 is taken",
         "remedy": "the command in the text, on that server; then `make status` says `yes` under "
                   "*could take over*", "severity": "warning", "subject_type": "SERVER/SERVICE"},
        {"code": "machine-failed", "subject": "rack1-13", "since": "2027-01-15T07:59:00Z",
         "text": "rack1-13 failed at finishing: network is unreachable",
         "remedy": "`scripts/twinboot machine HOST`; then mend it, and `scripts/twinboot install HOST`",
         "severity": "warning", "subject_type": "HOST"},
    ],
}  # fmt: skip


def _events(*said: tuple[float, str, str]) -> list[dict[str, Any]]:
    return [
        {"at": NOON - 130 + after, "after_s": after, "kind": kind, "text": text} for after, kind, text in said
    ]  # fmt: skip


MOVES: dict[str, Any] = {"ok": True, "server": "server1", "moves": [
    {"number": 41, "group": "second", "address": "192.168.0.254", "kind": "released", "from": "server1",
     "to": "server2", "reason": "server2 comes before it", "done": True, "left_out": 0, "at": NOON - 5000,
     "events": _events((0.0, "release", ""), (0.012, "frozen", "3 of FTP"), (0.019, "address-gone", ""),
                       (0.044, "peer-claiming", "server2"), (0.061, "new-holder", "server2"))},
    {"number": 42, "group": "second", "address": "192.168.0.254", "kind": "claimed", "from": "server2",
     "to": "server1", "reason": "server2 is dead", "done": True, "left_out": 0, "at": NOON - 130,
     "events": _events((0.0, "last-heartbeat", "of server2"), (0.151, "suspected", "server2: no carrier"),
                       (0.203, "found-dead", "server2 silent for 0.20 s, 2 ARP requests unanswered"),
                       (0.205, "claim", "server2 is dead"), (0.206, "probe", ""), (0.259, "no-rst", ""),
                       (0.262, "address-up", ""), (0.264, "announced", ""), (0.301, "taken-over", "FTP data"),
                       (0.347, "first-data", "FTP data"), (0.402, "service-start", "dhcpd"),
                       (0.655, "service-running", "dhcpd"), (0.791, "service-answers", "dhcpd"))},
]}  # fmt: skip
UNKNOWN: dict[str, Any] = {"ok": True, "unknown": [
    {"mac": "52:54:00:ff:00:07", "firmware": "UEFI x64", "vendor": "PXEClient:Arch:00007", "asked": 14,
     "uuid": "6a1f0c8e-0d1b-4b0e-9a37-5b1d1c7f0007", "first_s": 1260.0, "last_s": 4.0, "serial": "CZ3<b>07"},
    {"mac": "52:54:00:ff:00:08", "firmware": "BIOS", "vendor": "", "uuid": "", "asked": 1,
     "first_s": 80_000.0, "last_s": 80_000.0},
]}  # fmt: skip


TEXT = "# ours\nversion: 1\n  </textarea><script>document.title='owned'</script>\n\n"
ROLLOUT: dict[str, Any] = {
    "ok": True, "server": "server1", "committed": {"number": 12, "digest": "ab" * 8}, "fault": "",
    "working": {"number": 12, "digest": "ab" * 8}, "by": {"who": "token anna", "via": "page",
                                                          "server": "server3", "at": NOON},
    "servers": {
        "server2": {"alive": False, "working": None, "committed": None},
        "server3": {"alive": True, "working": {"number": 12, "digest": "ab" * 8}, "committed": None}},
    "file": {"state": "edited", "number": 0, "fault": ""}, "heard": ["server2", "server3"],
    "attempt": {
        "number": 13, "phase": "checking", "by": {"who": "token bert", "via": "api", "server": "server1",
                                                  "at": NOON},
        "error": "", "members": ["server1", "server3"],
        "votes": {"server1": {"faults": [], "notes": ["`make up` on server1 afterwards"]},
                  "server3": {"faults": ["hosts.web1.disks: 'sdb': " + HOSTILE], "notes": []}}},
}  # fmt: skip


def sidecar(*, role: str = "nobody", reading: str = "open") -> FakeSidecar:
    """One that knows all that. role: of the session that comes along."""
    made = FakeSidecar()
    who = {"ok": True, "reading": reading, "name": "" if role == "nobody" else "anna", "role": role,
           "csrf": "" if role == "nobody" else "c" * 64, "until": None}  # fmt: skip
    made.answers = {
        "status": STATUS, "history": MOVES, "unknown": UNKNOWN, "who": who,
        "machines": {"ok": True, "machines": machines()},
        "machine": {"ok": True, "machine": {
            **machine(13, "failed"), "state_history": state_history(), "files": [
                {"at": NOON - 400, "server": "server3", "path": "/trees/rhel9/vmlinuz" + HOSTILE}]}},
        "order": {"ok": True, "message": "ordered"}, "standby": {"ok": True, "message": "on standby"},
        "resume": {"ok": True, "message": "takes part again"},
        "rollout": ROLLOUT, "site": {"ok": True, "number": 12, "digest": "ab" * 8, "text": TEXT},
        "site-diff": {**COMPARED, "number": 12}, "apply": {**ROLLOUT, "ok": True},
        "sites": {"ok": True, "sites": [PAST, {**PAST, "number": 2, "before": None, "who": HOSTILE}]},
        "site-change": {**COMPARED, **PAST}, "choices": CHOICES, "enroll": CHANGE, "unenroll": CHANGE,
        "hosts-import": CHANGE, "hosts": {"ok": True, "text": "name,mac\n"},
        "log": {**LOG, "name": "rack1-13", "lines": [*LOG["lines"], ["server3", HOSTILE]]},
    }  # fmt: skip
    return made
