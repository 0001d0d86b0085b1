"""Balancing by load: the groups that machines are given when they ask, and their turns. Pure.

assignment A machine's assignment: the group that it was given for an install, or its turn in the queue
least_work Which group has the least work: of what runs, what is sent, and weights
sharing    Which group a machine is given when it asks for its boot file, and who waits
"""
