"""Pure decisions: no clock, no socket, no randomness, no logging. See model.py for the vocabulary.

Entry points: initial(), step() and next_deadline(); view(), alarm_conditions() and standby_refusal() to
look inside.
"""

from .ownership.candidates import standby_refusal
from .state import State
from .step import initial, next_deadline, step
from .view.alarms import alarm_conditions
from .view.view import View, view

__all__ = ["State", "View", "alarm_conditions", "initial", "next_deadline", "standby_refusal", "step", "view"]
