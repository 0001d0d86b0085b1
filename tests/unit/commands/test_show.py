"""`twinboot show HOST`: a row for every firmware."""

from __future__ import annotations

from pathlib import Path

import pytest
from bootfacts import FACTS
from rendering import EXAMPLES, site
from twinboot.commands import show
from twinboot.loaders.decision import known_firmwares
from twinboot.planning.plan import SitePlan


def test_every_firmware_has_its_row() -> None:
    plan = SitePlan(site(), boot=FACTS)
    machine = next(one for one in plan.machines if one.name == "cli129")
    lines = list(show.lines(plan, machine))
    names = [one.name for one in known_firmwares()]
    rows = {name: line for name in names for line in lines if line.startswith(f"  {name}  ")}
    assert list(rows) == names
    assert rows["BIOS"].split()[1:] == ["pxelinux.0", "(pxelinux)"]
    assert "http://192.168.0.253/boot/loaders/rh9/BOOTX64.EFI (grub)" in rows["UEFI x64 by HTTP"]
    assert "nothing: the kernel of tree rh9 is for x64" in rows["UEFI arm64"]
    assert any(line.startswith("arguments") and "cli129.ks" in line for line in lines)


def test_a_host_that_is_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        show.show("cli12", EXAMPLES / "parity.yaml", tmp_path)
    assert ended.value.code == 2
    assert "did you mean 'cli12" in capsys.readouterr().err
