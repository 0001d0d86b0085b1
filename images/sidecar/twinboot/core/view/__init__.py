"""The core as status, logs and metrics show it: view, and its alarms."""
