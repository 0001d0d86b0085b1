"""The history of moves: what `twinboot history` shows, kept over restarts.

history  The history of moves: what happened around each change of a group's place, on one clock
keeper   Keeps the history of moves over a restart: in a file of the sidecar's state volume
"""
