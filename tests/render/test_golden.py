"""Every byte of what is rendered, kept in golden/. `make generated` writes it anew; read the difference."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from rendering import NAMES, rendered, site

GOLDEN = Path(__file__).parent / "golden"
CASES = [(name, server) for name in NAMES for server in site(name).servers]


def files_of(name: str, server: str) -> dict[str, str]:
    """etc of the server, and pub with the first one: it is the same on all."""
    found = rendered(site(name), server)
    files = {f"etc/{path}": text for path, text in found.etc.items()}
    if server == next(iter(site(name).servers)):
        files |= {f"pub/{path}": text for path, text in found.pub.items()}
    return files


@pytest.mark.parametrize(("name", "server"), CASES)
def test_rendered_files_are_the_golden_ones(name: str, server: str) -> None:
    files = files_of(name, server)
    root = GOLDEN / name / server
    if os.environ.get("UPDATE_GOLDEN"):
        shutil.rmtree(root, ignore_errors=True)
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
    kept = {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}
    assert sorted(files) == sorted(kept), "other files; `make generated` when it should be so"
    for path, text in files.items():
        assert text == kept[path], f"{path} differs; `make generated` when it should"


@pytest.mark.parametrize("name", NAMES)
def test_clients_get_the_same_from_every_server(name: str) -> None:
    servers = list(site(name).servers)
    first = rendered(site(name), servers[0]).pub
    for server in servers[1:]:
        assert rendered(site(name), server).pub == first


@pytest.mark.parametrize(("name", "server"), CASES)
def test_the_same_site_gives_the_same_bytes(name: str, server: str) -> None:
    assert files_of(name, server) == files_of(name, server)


@pytest.mark.parametrize(("name", "server"), CASES)
def test_texts_are_whole_lines_without_trailing_blanks(name: str, server: str) -> None:
    for path, text in files_of(name, server).items():
        if text.strip():
            assert text.endswith("\n"), path
        assert "\r" not in text
        assert not any(line != line.rstrip() for line in text.splitlines()), path
