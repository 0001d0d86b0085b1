"""Listings by HTTP, which the taker's own service makes anew: only the same one goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from segments import PublishedTree
from takeoverrecords import GET, HEAD, HTTP, RESPONSE, SIZE, TIME, TREE, UNTOLD, at, rebuilt, reset
from twinboot.takeover.logic.file_facts import FileFacts
from twinboot.takeover.logic.pieces import FilePart
from twinboot.takeover.logic.plan import Rebuild, plan_takeover

INDEX = b"GET /trees/ HTTP/1.1\r\n\r\n"
LISTED_ANSWER = replace(RESPONSE, length=-1, size=-1, is_file_range=False, target=b"/trees/",
                        request=INDEX, listed=FileFacts(-2, 4711))
BROWSED = replace(HTTP, responses=(LISTED_ANSWER,), unanswered=GET, requested_files=(FileFacts(SIZE, TIME),))
ALIKE = replace(TREE, web_listings={b"/trees/": (-2, 4711)})
OTHERWISE = replace(TREE, web_listings={b"/trees/": (-2, 4712)})


@pytest.mark.parametrize("heard", [1, len(HEAD), len(HEAD) + 5000])
@pytest.mark.parametrize("start", [0, 700])
def test_a_listing_is_made_anew_and_goes_on_where_the_client_is(heard: int, start: int) -> None:
    record = replace(BROWSED, responses=(replace(LISTED_ANSWER, start=start),))
    found = rebuilt(plan_takeover(record, at(start + heard), ALIKE))
    assert (found.pieces, found.unanswered, found.skip_bytes) == ((), INDEX + GET, heard)
    assert (found.close_after, found.skipped_head) == (False, HEAD)
    assert found.record is not None
    assert found.record.requested_files == (FileFacts(-2, 4711), FileFacts(SIZE, TIME))
    assert (found.record.unanswered, found.record.responses[-1].end) == (INDEX + GET, start)
    for tree in (OTHERWISE, TREE):
        assert "a listing" in reset(plan_takeover(record, at(start + heard), tree))
    nothing = rebuilt(plan_takeover(record, at(start), OTHERWISE))
    assert (nothing.skip_bytes, nothing.unanswered) == (0, INDEX + GET), "the client has nothing of it"


def test_a_listing_behind_a_file_that_is_on_its_way() -> None:
    file = replace(RESPONSE, length=10, size=10, target=b"/trees/a%20b")
    record = replace(BROWSED, responses=(file, replace(LISTED_ANSWER, start=file.end)))
    found = rebuilt(plan_takeover(record, at(len(HEAD) + 4), ALIKE))
    assert (found.pieces, found.unanswered, found.skip_bytes) == (
        (FilePart(b"/trees/a b", 4, 6),), INDEX + GET, 0)


def test_a_listing_whose_end_is_known_needs_nothing() -> None:
    whole = replace(LISTED_ANSWER, length=2000)
    record = replace(BROWSED, responses=(whole,))
    assert rebuilt(plan_takeover(record, at(whole.end), OTHERWISE)).unanswered == GET


def test_a_listing_that_was_begun_untold_is_compared_too() -> None:
    untold = replace(BROWSED, responses=(), unanswered=INDEX, requested_files=(FileFacts(-2, 4711),))
    assert rebuilt(plan_takeover(untold, at(100), ALIKE)).skip_bytes == 100
    assert "a listing" in reset(plan_takeover(untold, at(100), OTHERWISE))
    older = replace(untold, requested_files=(FileFacts(-1, -1),))
    directories = replace(TREE, directories={b"/trees/"})
    assert "not a file of the tree" in reset(plan_takeover(older, at(100), directories)), "another release's"


def test_a_directory_with_an_index_is_that_file() -> None:
    tree = PublishedTree({b"/trees/index.html": (SIZE, TIME)})
    record = replace(HTTP, responses=(replace(RESPONSE, target=b"/trees/"),))
    found = rebuilt(plan_takeover(record, at(len(HEAD)), tree))
    assert found.pieces == (FilePart(b"/trees/index.html", 0, SIZE),)


@pytest.mark.parametrize(("there", "here", "fine"), [
    ("nginx-1.26", "nginx-1.26", True), ("nginx-1.26", "nginx-1.28", False), ("", "", False),
    ("lighttpd-1.4", "nginx-1.26", False), (None, "nginx-1.26", True), ("nginx-1.26", None, True),
])
def test_an_answer_goes_on_in_the_middle_only_by_the_same_service(
    there: str | None, here: str | None, fine: bool
) -> None:
    for record in (UNTOLD, BROWSED):
        found = plan_takeover(replace(record, dialect=there), at(700), ALIKE, http_dialect=here)
        assert isinstance(found, Rebuild) is fine
        if not fine:
            assert "the HTTP server was" in reset(found)
        whole = plan_takeover(replace(record, dialect=there), at(0), ALIKE, http_dialect=here)
        assert rebuilt(whole).skip_bytes == 0, "the client has nothing of the answer: any service may give it"
    file = plan_takeover(replace(HTTP, dialect=there), at(len(HEAD) + 5), TREE, http_dialect=here)
    assert rebuilt(file).pieces == (FilePart(b"/trees/big.bin", 5, SIZE - 5),), "a file is a file"
