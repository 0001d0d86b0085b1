"""Pure decisions: no clock, no socket, no randomness, no logging. See model.py for the vocabulary.

Entry points: initial(), step() and next_deadline(); view() and standby_refusal() to look inside.

effects      Effects: what step() tells the agent to do, carried out in the order given
events       Events: what the agent reports to step()
health/      How well this server and its peers can serve: daemons, the LAN, hold-down, the health penalty
membership/  Who is there: peers and their links, heartbeats sent and received, leaving in order
model        The core's shared types: configuration, states and heartbeats
ownership/   Who should own a group: candidates and their rank, and when a group changes hands
state        State: all that one server's core remembers
step         The core's entry points: initial(), step(), next_deadline()
view/        What the core shows of itself: read-only values for status, log and metrics
vip/         One group's virtual address on this server: its states, claims and releases, ARP probes and
             conflicts
"""

from .ownership.standby import standby_refusal
from .state import State
from .step import initial, next_deadline, step
from .view.alarms import alarm_conditions
from .view.view import View, view

__all__ = ["State", "View", "alarm_conditions", "initial", "next_deadline", "standby_refusal", "step", "view"]
