"""What is written down on this server's disk, line after line.

audit_file  The audit log: lines are added, and the oldest go when it is full
site_texts  Texts of the sites that were in use, each in a file of its own; the oldest go
"""
