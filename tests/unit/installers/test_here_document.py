"""Texts of an operator's in here-documents of scripts."""

from __future__ import annotations

import subprocess

import pytest
from twinboot.installers.here_document import unused_word


@pytest.mark.parametrize("text", ["echo $x", "TWINBOOT\n", "TWINBOOT\nTWINBOOT_\n`id`", "\\ 'TWINBOOT'"])
def test_a_text_comes_whole_out_of_a_shell(text: str) -> None:
    word = unused_word(text)
    script = f"cat <<'{word}'\n{text.rstrip()}\n{word}\n"
    said = subprocess.run(["sh"], input=script, capture_output=True, text=True, check=True)
    assert said.stdout == text.rstrip() + "\n"
