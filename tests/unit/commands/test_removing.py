"""`twinboot trees remove` and `fetch`: what goes stays away until somebody asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from treesmade import a_medium, folder_in_memory, imported
from twinboot.commands.trees import removing
from twinboot.trees import removals
from twinboot.trees.manifest import FILE_NAME, decode
from twinboot.trees.removals import Removed
from twinboot.trees.tree_store import FETCH, TreeStore

EXAMPLE = Path(__file__).parents[3] / "config/examples/parity.yaml"


@pytest.fixture
def where(tmp_path: Path) -> removing.Where:
    """A server with two trees that no profile uses."""
    trees = tmp_path / "trees"
    trees.mkdir()
    for name in ("one", "two"):
        boot = a_medium(tmp_path / name, {"a": name.encode()})
        with folder_in_memory():
            imported(tmp_path / name, trees, name=name, boot=boot)
    return removing.Where(trees, EXAMPLE, tmp_path / "record")


def digest(where: removing.Where, name: str) -> str:
    return decode((where.trees / name / FILE_NAME).read_text()).digest


@pytest.mark.parametrize("everywhere", [False, True])
def test_what_is_removed_is_remembered_by_its_import(
    where: removing.Where, everywhere: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    known = digest(where, "one")
    removing.remove_tree("one", where, yes=True, everywhere=everywhere)
    assert not (where.trees / "one").exists()
    (noted,) = removals.read(TreeStore(where.trees))
    assert (noted.name, noted.digests, noted.everywhere) == ("one", (known,), everywhere)
    assert ("other servers" in capsys.readouterr().out) is True


def test_a_removal_here_can_be_taken_back_and_one_everywhere_cannot(
    where: removing.Where, capsys: pytest.CaptureFixture[str]
) -> None:
    removing.remove_tree("one", where, yes=True)
    removing.remove_tree("two", where, yes=True, everywhere=True)
    removing.fetch_again("one", where.trees)
    assert [one.name for one in removals.read(TreeStore(where.trees))] == ["two"]
    for name, word in (("two", "import it again"), ("three", "was not removed here")):
        with pytest.raises(SystemExit):
            removing.fetch_again(name, where.trees)
        assert word in capsys.readouterr().err


def test_one_that_is_being_fetched_is_given_up(where: removing.Where) -> None:
    """Whoever fetches it has the lock, and sees the note."""
    fetched = TreeStore(where.trees, FETCH)
    known = digest(where, "one")
    fetched.work.mkdir(exist_ok=True)
    (where.trees / "one").rename(fetched.importing("one"))
    with fetched.locked("one"):
        removing.remove_tree("one", where, yes=True)
    assert removals.read(fetched)[0].digests == (known,)


def test_a_note_that_cannot_be_read_is_skipped(where: removing.Where) -> None:
    place = TreeStore(where.trees)
    for number in range(3):
        removals.note(place, Removed(f"t{number}", ("d" * 64,), "c", everywhere=False, at=number))
    with (place.work / "removed").open("a") as file:
        file.write('{"name": "half')
    assert [one.name for one in removals.read(place)] == ["t0", "t1", "t2"]
    removals.note(place, Removed("t1", ("e" * 64, "d" * 64), "c", everywhere=True, at=9))
    removals.note(place, Removed("t1", ("d" * 64,), "c", everywhere=False, at=10))
    (known,) = (one for one in removals.read(place) if one.name == "t1")
    assert (set(known.digests), known.everywhere) == ({"d" * 64, "e" * 64}, True)
