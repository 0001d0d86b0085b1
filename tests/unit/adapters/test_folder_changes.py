"""News of a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from twinboot.adapters.folder_changes import FolderChanges
from twinboot.errors import ResourceError


def test_news_comes_when_a_file_grows(tmp_path: Path) -> None:
    news = FolderChanges(tmp_path)
    os.set_blocking(news.fileno(), False)
    with pytest.raises(BlockingIOError):
        os.read(news.fileno(), 4096)
    (tmp_path / "some.leases").write_bytes(b"x")
    assert os.read(news.fileno(), 4096)
    news.drain()
    news.close()


def test_a_fault_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="none"):
        FolderChanges(tmp_path / "none")
