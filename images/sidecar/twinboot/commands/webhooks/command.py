"""`twinboot webhooks`: what waits for which webhook, and a test of one. Light: every command reads this."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from twinboot.commands.options import argument, fail, option

if TYPE_CHECKING:
    import typer

WHAT = "Programs elsewhere that are told what happens: what waits, how the last event went; test one."
_TEST_LIMIT_S = 60.0


def application() -> typer.Typer:
    import typer

    made = typer.Typer(add_completion=False, rich_markup_mode=None, invoke_without_command=True)

    def show(
        context: typer.Context,
        json: Annotated[bool, option("--json", help="One JSON object, for programs.")] = False,
    ) -> None:
        """Show each webhook of the site: who sends, how many events wait, how the last attempt went."""
        if context.invoked_subcommand is None:
            print_all(as_json=json)

    show.__annotations__["context"] = typer.Context  # it is read by its value: the name is not at hand there
    made.callback()(show)
    made.command("test")(test)
    return made


def test(name: Annotated[str, argument(help="A webhook of the site that is in use.")]) -> None:
    """Send a test event to a webhook, now, from this server, and print the answer.

    Ends with 1 when it was not delivered.
    """
    from twinboot.commands import client

    reply = client.answer("webhook-test", {"name": name}, timeout_s=_TEST_LIMIT_S)
    if not reply["delivered"]:
        fail(f"{name}: not delivered: {reply['said']}")
    print(f"{name}: delivered ({reply['said']}), webhook-id {reply['id']}")


def print_all(*, as_json: bool) -> None:
    from twinboot.commands import client

    reply = dict(client.answer("webhooks", timeout_s=_TEST_LIMIT_S))
    reply.pop("ok", None)
    if as_json:
        import json as codec

        print(codec.dumps(reply, indent=1))
        return
    if not reply["webhooks"]:
        print("the site that is in use has no webhooks (`webhooks`, config/WEBHOOKS.md)")
        return
    for line in lines(reply):
        print(line)


def lines(reply: Mapping[str, Any]) -> list[str]:
    """A line for each webhook, below a heading."""
    rows = [("WEBHOOK", "SENDER", "WAITING", "DELIVERED", "FAILED", "DROPPED", "LAST ATTEMPT")]
    for one in reply["webhooks"]:
        ago = "" if one["last_s"] is None else f", {one['last_s']:.0f} s ago"
        last = f"{one['last']}{ago}" if one["last"] else f"none by {reply['server']} since it started"
        counts = (str(one[what]) for what in ("waiting", "delivered", "failed", "dropped"))
        rows.append((one["name"], one["sender"], *counts, f"{'FAILING: ' if one['failing'] else ''}{last}"))
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    made = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    if not reply["ready"]:
        made.append("this server has just started: it sends when it has heard what its peers have sent")
    return made
