"""Which site this is, and in what two of them differ."""

from __future__ import annotations

from pathlib import Path

import yaml
from twinboot.agent.settings import settings_for
from twinboot.site import Site, load, parse
from twinboot.site.difference import ABSENT, Difference, differences
from twinboot.site.identity import digest, part_digests

EXAMPLE = Path(__file__).parents[3] / "config" / "examples" / "parity.yaml"
SITE = load(EXAMPLE)


def edited(**parts: object) -> Site:
    return SITE.model_copy(update=parts)


def test_the_same_content_is_the_same_site_however_it_is_written() -> None:
    again = parse(yaml.safe_load(yaml.safe_dump(yaml.safe_load(EXAMPLE.read_text()), sort_keys=False)))
    assert digest(again) == digest(SITE)
    assert part_digests(again) == part_digests(SITE)


def test_the_order_of_groups_is_part_of_the_site() -> None:
    turned = edited(groups=dict(reversed(SITE.groups.items())))
    assert digest(turned) != digest(SITE)
    assert list(differences(SITE.model_dump(mode="json"), turned.model_dump(mode="json"))) == [
        Difference("groups (order)", ", ".join(SITE.groups), ", ".join(reversed(SITE.groups)))
    ]


def test_a_host_more_is_another_site_that_needs_no_new_agent() -> None:
    name, host = next(iter(SITE.hosts.items()))
    more = edited(hosts={**SITE.hosts, "one-more": host})
    server = next(iter(SITE.servers))
    mine, theirs = settings_for(SITE, server), settings_for(more, server)
    assert mine == theirs
    assert mine.cluster.site is not None
    assert theirs.cluster.site is not None
    assert mine.cluster.site.differing_parts(theirs.cluster.site) == ("hosts",)
    assert mine.cluster.site.same_cluster(theirs.cluster.site)
    assert not mine.cluster.site.same_site(theirs.cluster.site)
    found = list(differences(SITE.model_dump(mode="json"), more.model_dump(mode="json")))
    assert [(one.path, one.here) for one in found] == [("hosts.one-more", ABSENT)]
    assert name in SITE.hosts


def test_each_entry_that_differs_is_named_by_its_path() -> None:
    here = {"a": {"b": 1, "c": [1, 2]}, "only": {"here": 1}}
    there = {"a": {"b": 2, "c": [1, 3]}}
    assert list(differences(here, there)) == [
        Difference("a.b", "1", "2"), Difference("a.c", "[1, 2]", "[1, 3]"),
        Difference("only", "{'here': 1}", ABSENT),
    ]
