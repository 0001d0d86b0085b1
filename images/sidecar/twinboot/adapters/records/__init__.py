"""What is written down on this server's disk, line after line.

audit_file  The log of deeds: lines are added, and the oldest go when it is full
"""
