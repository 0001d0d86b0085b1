"""The metrics for Prometheus: a snapshot taken on the loop, its text made in another thread.

connections  The metrics of clients' connections: of the takeover process's own report, and of replication
             to the peers
machines     The metrics of machines: by state, and how long steps and installs take
metrics      The metrics: a snapshot that the loop takes once a second, and its text in Prometheus' format
reference    The counters of the takeover process as a Markdown table, for images/sidecar/METRICS.md
webhooks     The metrics of webhooks: events delivered, attempts that failed, events that wait or were dropped
"""
