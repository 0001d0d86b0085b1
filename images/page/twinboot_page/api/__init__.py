"""The routes below /api/v1: what can be read, and what can be told.

reading  Servers, groups, moves, machines, trees, alarms: everything that changes nothing
"""
