"""Here-documents of scripts that hold a text of an operator's: a word to end them with. Pure."""

from __future__ import annotations


def unused_word(text: str) -> str:
    """A word that is no line of the text, to end a here-document with it."""
    lines, word = set(text.splitlines()), "TWINBOOT"
    while word in lines:
        word += "_"
    return word
