"""What machines sent is made harmless; numbers and times are said as people say them."""

from __future__ import annotations

import pytest
from pagesite import HOSTILE
from twinboot_page.ui import words


@pytest.mark.parametrize(("sent", "shown"), [
    ("\x1b[31;1mred\x1b[0m", "red"),
    ("\x1b]0;title\x07text", "text"),
    ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
    ("\x9b2Jcleared", "cleared"),
    ("50 %\r100 %\r\nend\ttab", "50 %\n100 %\nend\ttab"),
    ("a\x00b\x07c\x7fd\x85e", "abcde"),
    ("\u202eexe.txt\u2066\u200b", "exe.txt"),
    ("half \ud83d pair", "half \ufffd pair"),
    ("\x1b", ""), ("\x1b[", ""), ("\x1b]never ends", ""),
    ("ordinary <b>text</b>, ümlaut, 日本", "ordinary <b>text</b>, ümlaut, 日本"),
])  # fmt: skip
def test_what_would_be_obeyed_or_hidden_is_taken_out(sent: str, shown: str) -> None:
    assert words.clean(sent) == shown


def test_the_last_line_of_words_is_the_last_that_says_something() -> None:
    assert words.last_line("one\ntwo\n\n\x1b[0m\n") == "two"
    assert words.last_line("") == ""
    assert "\x1b" not in words.last_line(HOSTILE)


def test_texts_of_the_sidecar_keep_their_commands() -> None:
    assert words.pieces("run `make status`; *could* it") == [
        ("plain", "run "), ("code", "make status"), ("plain", "; "), ("stress", "could"), ("plain", " it")]
    assert words.pieces("2 * 3") == [("plain", "2 * 3")]


@pytest.mark.parametrize(("seconds", "said"), [
    (None, "never"), (0, "now"), (9.9, "now"), (10, "10 s ago"), (59, "50 s ago"), (60, "1 min ago"),
    (3599, "59 min ago"), (7200, "2 h ago"), (200_000, "2 d ago"),
])  # fmt: skip
def test_an_age_changes_seldom(seconds: float | None, said: str) -> None:
    assert words.age(seconds) == said


def test_durations_and_sizes() -> None:
    assert (words.duration(75), words.duration(90_061), words.duration(0)) == ("1 min 15 s", "1 d 1 h", "0 s")
    assert (words.short_time(0.412), words.short_time(1.374), words.short_time(125)) == (
        "412 ms", "1.37 s", "2 min 5 s")
    assert (words.size(1_200_000), words.size(4.7e9), words.size(2.5e11)) == ("1.2 MB", "4.7 GB", "250 GB")
    assert (words.count(1, "alarm"), words.count(2, "alarm")) == ("1 alarm", "2 alarms")


def test_no_state_is_told_by_colour_alone() -> None:
    tones = {words.tone(word) for word in ("done", "packages", "late", "failed", "waiting")}
    assert tones == set(words.SIGNS)
    assert len(set(words.SIGNS.values())) == len(words.SIGNS)
