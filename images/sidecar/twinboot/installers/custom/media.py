"""Takes any medium, with the kernel that an operator names: rescue systems, memory tests, others."""

from __future__ import annotations

from ..media import X86_64, MediaOptions, Medium, Recognised, UnfitError, tree_name


class CustomMedia:
    """See installers.media.MediaKind."""

    name = "custom"
    looks_for = "anything, with --kernel PATH and perhaps --initrd PATH"

    def recognise(self, medium: Medium, wish: MediaOptions) -> Recognised | None:
        if not wish.kernel:
            return None
        kernel, *initrds = (_there(medium, path) for path in (wish.kernel, *wish.initrds))
        label = medium.label.strip()
        return Recognised(
            kind=self.name, distribution=label or "a medium of no known distribution", release="",
            architecture=X86_64, name=tree_name(label), kernel=kernel, initrds=tuple(initrds),
        )


def _there(medium: Medium, path: str) -> str:
    found = medium.find(path.strip("/"))
    if found is None:
        raise UnfitError(f"there is no file {path} on the medium")
    return found
