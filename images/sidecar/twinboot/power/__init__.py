"""Machines are switched on, off and over by their BMCs: a process of its own, and a container.

host/   The process: the secrets it alone reads, what it is asked for, its socket
kinds/  The ways to talk to a BMC, one folder each
logic/  What is asked and answered, and the facts of each BMC. Pure
"""
