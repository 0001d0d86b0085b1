"""What of a faulty document is known all the same: sound items, all names, and that nothing is told twice."""

from __future__ import annotations

import copy

from sitechange import GOOD, drop, faults_of, put
from twinboot.site.loading.draft import draft_of


def test_of_a_section_with_a_faulty_item_the_others_are_sound() -> None:
    site = copy.deepcopy(GOOD)
    put("hosts.cli128.mac", "zz")(site)
    put("dns.records", [{"name": 1}, {"name": "txt", "type": "TXT", "value": "t"}])(site)
    put("subnets.1", {"network": "x"})(site) if len(site["subnets"]) > 1 else site["subnets"].append({})
    draft = draft_of(site)
    assert "cli128" not in draft.hosts
    assert draft.hosts
    assert draft.names["hosts"] == tuple(site["hosts"])
    assert (list(draft.records), draft.names["records"]) == ([1], ("0", "1"))
    assert draft.dns is not None, "its own keys are sound"
    assert list(draft.subnets) == [0]
    assert not draft.complete("hosts")


def test_a_section_that_is_no_mapping_makes_no_name_unknown() -> None:
    for change in (put("servers", ["a"]), drop("servers")):
        assert [fault.path for fault in faults_of(change)] == ["servers"]


def test_a_section_of_items_is_told_how_items_are_written() -> None:
    faults = faults_of(put("trees", "x"), put("dns.records", {"a": 1}))
    assert {fault.path: fault.remedy for fault in faults} == {
        "trees": "must be a mapping of names",
        "dns.records": "must be a list; begin each item with `- `",
    }
