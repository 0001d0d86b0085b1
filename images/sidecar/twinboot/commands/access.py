"""`twinboot token` and `audit`: who may act by the page and the API, and who did what."""

from __future__ import annotations

import re
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from .options import argument, fail, option

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


def token(
    name: Annotated[str, argument(help="Whose it is: the audit log goes by it.")],
    role: Annotated[str, option("--role", help="read, operate or admin.")] = "read",
    expires: Annotated[str, option("--expires", help="Last day on which it is good, as 2027-12-31.")] = "",
) -> None:
    """Make a token for the page and the API. It is shown this one time; the site file gets its digest."""
    from twinboot.access import tokens
    from twinboot.access.roles import Role, role_named

    if not _NAME.fullmatch(name):
        fail(f"token: {name!r} cannot be a name; write up to 32 letters, digits, - and _", code=2)
    if role_named(role) is Role.NOBODY:
        fail(f"token: no role {role!r}; there are: read, operate, admin", code=2)
    if expires and not _is_day(expires):
        fail(f"token: {expires!r} is no day; write it as 2027-12-31", code=2)
    made = tokens.made_of(secrets.token_bytes(tokens.RANDOM_BYTES))
    until = f", expires: {expires}" if expires else ""
    entry = f"{{name: \"{name}\", role: {role}, sha256: {tokens.digest(made)}{until}}}"
    print(f"the token, which is shown only now:\n  {made}\n"
          f"in config/site.yaml, and then scripts/twinboot apply:\n  api:\n    tokens:\n      - {entry}")


def audit(
    limit: Annotated[int, option("--limit", help="So many of the last actions.")] = 50,
    json: Annotated[bool, option("--json", help="A JSON list, for programs.")] = False,
) -> None:
    """Show who did what on this server: by the command line, the API or the page, the newest last."""
    from . import client

    try:
        reply = client.ask("audit", {"limit": limit}, most_bytes=client.LARGE_REPLY)
    except client.AgentDown as exc:
        fail(str(exc))
    if not reply.get("ok"):
        fail(f"audit: {reply.get('error')}")
    actions = reply["entries"][::-1]
    if json:
        import json as codec

        print(codec.dumps(actions, indent=1))
        return
    if not actions:
        print("nobody has done anything here yet")
    sys.stdout.write("".join(f"{line}\n" for line in lines_of(actions)))


def lines_of(actions: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each, the time of day as this server has it."""
    found = []
    for one in actions:
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one["at"]))
        place = f" from {one['from']}" if one["from"] else ""
        said = f": {one['said']}" if one["said"] else ""
        who = f"{one['who']}{place} ({one['via']})"
        found.append(_plain(f"{at}  {who}  {one['what']}  {one['result']}{said}"))
    return found


def _plain(text: str) -> str:
    """Nothing that came by the network reaches the terminal as more than text."""
    return "".join(one if one.isprintable() else "?" for one in text)


def _is_day(text: str) -> bool:
    try:
        time.strptime(text, "%Y-%m-%d")
    except ValueError:
        return False
    return bool(_DAY.fullmatch(text))
