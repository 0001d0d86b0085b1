"""What installers say by syslog: received, kept in bounded files, read again.

log_files Files of what installers have said, one or two a machine, bounded
log_port  What installers say by syslog, received and kept: a thread of its own
"""
