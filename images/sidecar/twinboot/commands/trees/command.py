"""The options of `twinboot import` and `twinboot trees`. Light: every command of twinboot reads this."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from twinboot import paths
from twinboot.commands.options import argument, located, option

if TYPE_CHECKING:
    import typer

WHAT = "The install trees of this server: list, verify, remove, fetch."
_TREES = located("--trees", "Directory of the install trees", paths.TREES)
_SITE = located("--site", "The site file", paths.SITE_FILE)
_RECORD = located("--record", "The site in use", paths.SITE_RECORD)
_YES = option("--yes", help="Do not ask.")


def application() -> typer.Typer:
    import typer

    trees = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)
    trees.command("list")(list_trees)
    trees.command("verify")(verify_trees)
    trees.command("remove")(remove_tree)
    trees.command("fetch")(fetch_tree)
    return trees


def import_medium(
    medium: Annotated[Path, argument(help="An ISO image, a tar archive (netboot), or a folder.")],
    name: Annotated[str, option("--name", help="Of the tree; as the distribution when left out.")] = "",
    add: Annotated[bool, option("--add", help="Put tree and profile into the site file.")] = False,
    replace: Annotated[bool, option("--replace", help="Replace the tree of this name, in one step.")] = False,
    netboot: Annotated[
        Path | None, option("--netboot", help="A netboot archive or folder that is laid over the medium.")
    ] = None,
    kind: Annotated[str, option("--kind", help="The installer; as recognised when left out.")] = "",
    kernel: Annotated[str, option("--kernel", help="Within a medium that is not recognised.")] = "",
    initrd: Annotated[
        list[str] | None, option("--initrd", help="Likewise; may be repeated, in the order of loading.")
    ] = None,
    unchecked: Annotated[
        bool, option("--unchecked", help="Do not compare with the checksums on the medium.")
    ] = False,
    trees: Annotated[Path, _TREES] = paths.TREES,
    site: Annotated[Path, _SITE] = paths.SITE_FILE,
) -> None:
    """Make an install tree from a medium: recognise, copy, check, publish in one step.

    Called again after it was ended, by whatever, it goes on where it stopped. Prints the lines for the site
    file, or adds them. Ends with 1 when nothing was published.
    """
    from twinboot.installers.media import MediaOptions
    from twinboot.trees.preparing import ImportOptions

    from . import importing

    wishes = ImportOptions(
        source=medium, shown=os.environ.get("TWINBOOT_MEDIUM") or str(medium), name=name, kind=kind,
        netboot=netboot, boot=MediaOptions(kernel, tuple(initrd or ())), replace=replace, unchecked=unchecked,
    )
    importing.run(importing.Request(
        wishes=wishes, trees=trees, site_file=site, add=add, on_host=os.environ.get("TWINBOOT_TREES", ""),
    ))


def list_trees(
    trees: Annotated[Path, _TREES] = paths.TREES, site: Annotated[Path, _SITE] = paths.SITE_FILE,
    record: Annotated[Path, _RECORD] = paths.SITE_RECORD,
) -> None:
    """List the install trees of this server, and what uses them."""
    from . import managing

    managing.list_trees(trees, site, record)


def verify_trees(
    names: Annotated[list[str] | None, argument(help="Trees; all that were imported when left out.")] = None,
    trees: Annotated[Path, _TREES] = paths.TREES,
) -> None:
    """Compare each file of the trees with the manifest. Ends with 1 when one differs."""
    from . import managing

    managing.verify_trees(names or [], trees)


def remove_tree(
    name: Annotated[str, argument(help="The tree, or an import that was not finished.")],
    yes: Annotated[bool, _YES] = False,
    everywhere: Annotated[
        bool, option("--everywhere", help="The other servers remove it, too, those that are away when back.")
    ] = False,
    trees: Annotated[Path, _TREES] = paths.TREES, site: Annotated[Path, _SITE] = paths.SITE_FILE,
    record: Annotated[Path, _RECORD] = paths.SITE_RECORD,
) -> None:
    """Remove an imported tree. Refused while a profile uses it, and for what was not imported.

    It is not fetched again from servers that have it still; a later import of the same medium is.
    """
    from . import removing

    removing.remove_tree(name, removing.Where(trees, site, record), yes=yes, everywhere=everywhere)


def fetch_tree(
    name: Annotated[str, argument(help="A tree that was removed on this server.")],
    trees: Annotated[Path, _TREES] = paths.TREES,
) -> None:
    """Take back a removal on this server: the tree is fetched again from a server that has it."""
    from . import removing

    removing.fetch_again(name, trees)
