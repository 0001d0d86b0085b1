"""Heartbeat links, one folder a kind: a link is open, or trying to be, for as long as the agent lives.

serial/  Heartbeat links over a serial line
udp/     Heartbeat links over UDP
"""
