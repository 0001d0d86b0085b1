"""Install trees of two servers side by side."""

from __future__ import annotations

from twinlab import Lab
from twinlab.host.wait import until

TREE = "/srv/twinboot/trees/rh9"
LAYER = (
    "mkdir -p /run/layer/u /run/layer/w && mount -t overlay overlay "
    f"-o lowerdir={TREE},upperdir=/run/layer/u,workdir=/run/layer/w {TREE}"
)
"""A folder that can be written, over the one that all servers of the lab share."""


def test_a_file_that_one_server_lacks_is_told_on_both_until_it_is_there(lab: Lab) -> None:
    one, two = lab.server(1), lab.server(2)

    def told() -> dict[str, set[str]]:
        found = lab.status()
        return {
            name: {alarm["subject"] for alarm in view["alarms"] if alarm["code"] == "tree-differs"}
            for name, view in found.items() if view is not None
        }  # fmt: skip

    def shown() -> str:
        view = lab.status()[one.name]
        return "" if view is None else view["trees"]["rh9"][two.name]

    until(lambda: shown() == "same", "both to have told the other", timeout_s=60)
    two.exec("sh", "-c", f"{LAYER} && echo more >{TREE}/more.txt")
    both = {one.name: {f"{two.name}/rh9"}, two.name: {f"{one.name}/rh9"}}
    until(lambda: told() == both, "both to say that the tree differs", timeout_s=60)
    assert shown() == "differs"
    two.exec("sh", "-c", f"umount {TREE} && rm -r /run/layer")
    until(lambda: not any(told().values()), "the alarms to end", timeout_s=60)
    assert shown() == "same"
