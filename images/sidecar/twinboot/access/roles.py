"""Three roles, each with the rights of those before it, and the one that each command asks for."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any


class Role(IntEnum):
    """read: everything that is shown. operate: orders for machines, planned moves, and who did what.
    admin: the site."""

    NOBODY = 0
    READ = 1
    OPERATE = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        return self.name.lower()


READS = frozenset(("status", "history", "machines", "machine", "unknown", "rollout", "diff"))
"""They change nothing and show no secret: the page tells them to whom the site file lets read."""
SEES = {
    "audit": Role.OPERATE, "power-job": Role.OPERATE, "log": Role.OPERATE, "sites": Role.OPERATE,
    "site": Role.ADMIN, "site-diff": Role.ADMIN, "site-change": Role.ADMIN, "hosts": Role.ADMIN,
    "choices": Role.ADMIN,
}  # fmt: skip
"""They change nothing either, and not everybody may see it: a site file may have passwords in its scripts,
and an installer may say anything in its log."""
ACTIONS = {
    "order": Role.OPERATE, "order-now": Role.OPERATE, "power": Role.OPERATE, "standby": Role.OPERATE,
    "resume": Role.OPERATE, "apply": Role.ADMIN, "enroll": Role.ADMIN, "unenroll": Role.ADMIN,
    "hosts-import": Role.ADMIN,
}  # fmt: skip


def needed(request: Mapping[str, Any]) -> Role | None:
    """The role that a request asks for; None: it cannot be asked there at all."""
    command = request.get("cmd")
    if not isinstance(command, str):
        return None
    if command in READS:
        return Role.NOBODY
    if command == "standby" and request.get("force"):
        return Role.ADMIN  # it lets go of what nobody else can serve
    return SEES.get(command, ACTIONS.get(command))


def is_action(request: Mapping[str, Any]) -> bool:
    """It changes something: it is kept who asked for it. With `ask` it is only asked what it would do, and so
    with `status` of `power`."""
    if request.get("cmd") == "power" and request.get("do") == "status":
        return False
    return request.get("cmd") in ACTIONS and not request.get("ask")


def role_named(word: object) -> Role:
    """NOBODY for a word that is none."""
    return next((one for one in Role if one.word == word), Role.NOBODY)
