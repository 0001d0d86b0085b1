"""Site files that come as texts: what one would change, and its faults all at once."""

from __future__ import annotations

import asyncio

import pytest
from sitechange import EXAMPLES, GOOD
from twinboot.agent.rollout import subprocess_jobs, texts
from twinboot.rollout.model import Author, Committed, Version
from twinboot.site import identity, loads, parse
from twinboot.site.places import lines_of

SITE = parse(GOOD)
IN_USE = Committed(Version(3, identity.digest(SITE)), SITE.to_json())


def test_what_a_text_would_change_and_by_which_digest_it_may_be_applied() -> None:
    other = parse({**GOOD, "metrics": "off"})
    found = texts.compared(IN_USE, other.to_json())
    assert (found["number"], found["base"]) == (3, identity.digest(SITE).hex())
    assert found["digest"] == identity.digest(other).hex()
    assert found["changes"] == [{"path": "metrics.port", "before": "9694", "after": "0"}]
    assert texts.compared(IN_USE, SITE.to_json())["changes"] == []


def test_faults_come_all_at_once_and_so_does_what_cannot_change_while_servers_run() -> None:
    found = texts.compared(IN_USE, "version: 1\ncluster: 7\n")
    assert (found["ok"], found["status"]) == (False, 422)
    assert len(found["errors"]) > 2
    for text in ("", "[", "\x00", "a: &a [*a]"):
        assert texts.compared(IN_USE, text)["status"] == 422, text
    renamed = texts.compared(IN_USE, parse({**GOOD, "cluster": "another"}).to_json())
    assert ": cluster: " in renamed["errors"][0]


def test_the_site_in_use_is_told_as_it_was_written() -> None:
    assert texts.site_in_use(IN_USE)["text"] == SITE.to_json()


TEXT = (EXAMPLES / "parity.yaml").read_text()


def test_a_fault_is_told_with_the_line_it_stands_in() -> None:
    lines = TEXT.splitlines()
    at = next(number for number, line in enumerate(lines, 1) if "failback_delay_s:" in line)
    found = texts.compared(IN_USE, TEXT.replace("failback_delay_s: 5.0", "failback_delay_s: soon"))
    assert [one for one in found["errors"] if one.startswith(f"line {at}: ")], found["errors"]
    assert lines_of("a: [1, {b: 2}]\n", ["a[1].b", "a[7]", "c", "a.x"]) == {"a[1].b": 1, "a[7]": 1, "a.x": 1}
    assert lines_of("a: [", ["a"]) == lines_of("7", ["a"]) == {}


def test_lines_that_differ_are_told_with_those_around_them() -> None:
    before = [f"line {number}" for number in range(1, 101)]
    after = [*before[:49], "another", *before[50:]]
    found = texts.lines_between("\n".join(before), "\n".join(after))
    assert found[0] == "@@ -47,7 +47,7 @@"
    assert [one for one in found if one[0] in "+-"] == ["-line 50", "+another"]
    far = ["x", *(f"other {number}" for number in range(texts.MAX_LINES + 1)), "y"]
    assert texts.lines_between("\n".join(before), "\n".join(far)) == []
    assert texts.lines_between("a", "a") == []


def test_what_was_made_from_an_older_site_is_refused_with_what_has_changed() -> None:
    by = Author("token anna", "page", "server2", 1_800_000_000.0)
    now = Committed(Version(4, b"x"), TEXT.replace("failback_delay_s: 5.0", "failback_delay_s: 7.0"), by)
    found = texts.meanwhile(now, TEXT)
    assert (found["ok"], found["status"]) == (False, 409)
    assert "site 4 was applied meanwhile by token anna on server2" in found["error"]
    assert found["errors"] == ["failback_delay_s: 5.0 -> 7.0"] or "failback_delay_s" in found["errors"][0]
    assert texts.meanwhile(now, None)["errors"] == []
    comment = texts.meanwhile(Committed(Version(4, b"x"), "# new\n" + TEXT), TEXT)
    assert comment["errors"] == ["+# new"]


def test_a_large_site_is_worked_out_in_a_process_of_its_own_with_the_same_result(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    used = Committed(identity_of(TEXT), TEXT, Author("token anna", server="server2"))
    jobs: list[tuple[str, dict[str, object]]] = [
        ("compare", {"site": texts.of_committed(used), "text": "# x\n" + TEXT}),
        ("read", {"text": TEXT, "present": "nothing"}), ("read", {"text": "7", "present": TEXT}),
        ("meanwhile", {"site": texts.of_committed(used), "before": "# older\n" + TEXT}),
        ("hosts", {"server": "server1", "command": "choices", "request": {}, "heard": [], "leased": [],
                   "site": texts.of_committed(used)}),
    ]
    in_a_thread = [asyncio.run(subprocess_jobs.run(job, said)) for job, said in jobs]
    assert [one["ok"] for one in in_a_thread] == [True, True, False, False, True]
    monkeypatch.setattr(subprocess_jobs, "SMALL", 0)
    assert [asyncio.run(subprocess_jobs.run(job, said)) for job, said in jobs] == in_a_thread
    monkeypatch.setattr(subprocess_jobs, "LIMIT_S", 0.01)
    late = asyncio.run(subprocess_jobs.run(*jobs[0]))
    assert (late["ok"], late["status"], "nothing was changed" in late["error"]) == (False, 503, True)
    monkeypatch.setattr(subprocess_jobs, "LIMIT_S", 50.0)
    broken = asyncio.run(subprocess_jobs.run("between", {}))
    assert (broken["ok"], "KeyError" in broken["error"]) == (False, True)


def identity_of(text: str) -> Version:
    return Version(3, identity.digest(loads(text)))
