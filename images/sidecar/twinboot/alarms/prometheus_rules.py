"""The alerts of all kinds, as rules of Prometheus, for config/examples/prometheus-alerts.yml."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from . import registered
from .registry import AlarmKind, Alert

_WIDTH = 108
_INDENT = " " * 12


def rules() -> str:
    """One rule per kind, as entries of a group's `rules`; of one without an alert a comment says why."""
    return "".join(f"{line}\n" for kind in registered() for line in _rule(kind))


def _rule(kind: AlarmKind) -> Iterator[str]:
    if not isinstance(kind.alert, Alert):
        yield f"      # no rule for {kind.code}: {kind.alert.because}"
        return
    name = "".join(word.capitalize() for word in kind.code.split("-"))
    yield f"      - alert: Twinboot{name}"
    yield f'        expr: max by (job, subject) (twinboot_alarm{{code="{kind.code}"}}) == 1'
    if kind.alert.lasting:
        yield f"        for: {kind.alert.lasting}"
    yield f"        labels: {{severity: {kind.alert.severity.value}}}"
    yield "        annotations:"
    yield f'          summary: "{{{{ $labels.subject }}}}: {kind.code}"'
    yield "          description: >-"
    lines = wrap(kind.meaning.replace("`", ""), _WIDTH - len(_INDENT), break_on_hyphens=False)
    yield from (_INDENT + line for line in lines)
