"""Colours of the style sheet, in both schemes: text has a contrast of 4.5 to 1 (WCAG 2.2, 1.4.3), and what
shows the focus or is a picture has 3 to 1 (1.4.11)."""

from __future__ import annotations

import re

import pytest
from twinboot_page.ui.assets import FOLDER

SHEET = (FOLDER / "page.css").read_text()
TEXT = [
    ("text", "ground"), ("text", "sheet"), ("soft", "ground"), ("soft", "sheet"), ("link", "ground"),
    ("link", "sheet"), ("main-text", "main"),
    *((one, f"{one}-ground") for one in ("good", "busy", "warn", "bad", "idle")),
    ("text", "idle-ground"), ("soft", "idle-ground"),
]  # fmt: skip
SHAPES = [(f"{one}-fill", "sheet") for one in ("good", "busy", "bad")] + [("busy-fill", "ground")]


def colours(dark: bool) -> dict[str, str]:
    blocks = re.findall(r":root \{(.*?)\}", SHEET, re.DOTALL)
    found: dict[str, str] = {}
    for block in blocks[:2 if dark else 1]:
        found |= dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))
    return found


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[at:at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_can_be_read(dark: bool) -> None:
    found = colours(dark)
    low = {pair: contrast(found[pair[0]], found[pair[1]]) for pair in TEXT}
    assert {pair: round(value, 2) for pair, value in low.items() if value < 4.5} == {}
    assert contrast("#ffffff", "#b3202a") >= 4.5, "the button that erases"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_shapes_can_be_seen(dark: bool) -> None:
    found = colours(dark)
    low = {pair: contrast(found[pair[0]], found[pair[1]]) for pair in SHAPES}
    assert {pair: round(value, 2) for pair, value in low.items() if value < 3} == {}


def test_both_schemes_name_every_colour() -> None:
    light, dark = re.findall(r":root \{(.*?)\}", SHEET, re.DOTALL)[:2]
    names = [set(re.findall(r"--([a-z-]+):", one)) for one in (light, dark)]
    assert names[0] == names[1]
