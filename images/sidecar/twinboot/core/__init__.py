"""The pure core: no clock, no socket, no randomness, no logging.

Entry points: initial(), step() and next_deadline(); queries: view(), alarm_conditions(), standby_refusal().
Shared types are in model, events, effects and state; decisions in membership, health, ownership and vip;
view shows the state.
"""

from .ownership.candidates import standby_refusal
from .state import State
from .step import initial, next_deadline, step
from .view.alarms import alarm_conditions
from .view.view import View, view

__all__ = ["State", "View", "alarm_conditions", "initial", "next_deadline", "standby_refusal", "step", "view"]
