"""Site files that come as texts: what one would change, and its faults all at once."""

from __future__ import annotations

from sitechange import GOOD
from twinboot.agent.rollout import texts
from twinboot.rollout.model import Committed, Version
from twinboot.site import identity, parse

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
    assert renamed["errors"][0].startswith("cluster: ")


def test_the_site_in_use_is_told_as_it_was_written() -> None:
    assert texts.told(IN_USE)["text"] == SITE.to_json()
