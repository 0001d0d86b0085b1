"""Alarms as values: their kinds, what holds now, and since when. Pure: log, clock and socket are others'.

Adding an alarm:
1. one entry in kinds.py, below its heading: code, what its subject names, what it means, what to do, and
   whether monitoring wakes somebody: `critical("1m")` (machines are, or may be, not served; after it has
   lasted so long), `warning("5m")`, or `no_alert("because ...")`. `lack`, where a server on which it holds
   could not take over, or not as well; `of_release=False`, where no release of ours can cause it;
2. where it is found: `kinds.NAME.on(subject, text)` among the conditions that the part tells of, in its
   `alarm_conditions()`. What the core knows: core/view/alarms.py. A part that had no alarm yet is made known
   by `AlarmBoard.add_source` (agent/start.py, and where parts are built); what the takeover process finds
   reaches the agent as a `Limit` (takeover/host/capabilities.py);
3. a test of that part, which compares code and subject;
4. `make generated` writes the table in METRICS.md and the rule in config/examples/prometheus-alerts.yml; read
   the difference. The page shows those of a HOST first, with a link to it, then the gravest;
5. a line in CHANGELOG.md.

kinds             Every kind of alarm, one entry each
prometheus_rules  The alerts of all kinds, as rules of Prometheus, for config/examples/prometheus-alerts.yml
reference         The kinds of alarms as a Markdown table, for images/sidecar/METRICS.md
registry          What an alarm is, and the one table of all its kinds
tracker           From what holds now to alarms with a beginning and an end
"""

from . import kinds
from .registry import Alarm, AlarmKind, Condition, UnregisteredAlarm, find, register, registered
from .tracker import Changes, track

__all__ = [
    "Alarm", "AlarmKind", "Changes", "Condition", "UnregisteredAlarm", "find", "kinds", "register",
    "registered", "track",
]
