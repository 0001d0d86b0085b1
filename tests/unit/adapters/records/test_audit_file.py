"""The audit log on the disk: two files, each with a bound."""

from __future__ import annotations

from pathlib import Path

import pytest
from twinboot.adapters.records.audit_file import AuditFile
from twinboot.errors import ResourceError


def test_the_oldest_lines_go_when_it_is_full(tmp_path: Path) -> None:
    log = AuditFile(tmp_path / "audit.jsonl", max_bytes=100)
    assert log.read() == []
    for number in range(50):
        log.add(b"line %03d\n" % number)
    lines = log.read()
    assert lines[-1] == b"line 049"
    assert lines == [b"line %03d" % number for number in range(50 - len(lines), 50)]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 200
    assert (tmp_path / "audit.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_disk_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=r"audit\.jsonl"):
        AuditFile(tmp_path / "gone" / "audit.jsonl").add(b"x\n")
