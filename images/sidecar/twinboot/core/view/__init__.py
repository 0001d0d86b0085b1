"""What the core shows of itself: read-only values for status, log and metrics.

alarms  What the core finds worth an operator's attention, here or on a peer, as conditions of registered
        kinds
readiness
        Whether each server could take a group over, and why not: for status, metrics and alarms
view    A read-only view of the core's state, for status, logs and metrics
"""
