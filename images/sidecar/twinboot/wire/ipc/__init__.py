"""ipc: engine_proxy.py (sidecar and engine proxy), takeover.py (agent and takeover process)."""
