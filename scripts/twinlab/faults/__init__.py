"""Faults at will and their healing: of a whole server, its cables and frames, and its single services.

faults.py has the table; scene.py is all that a fault knows of the lab.
"""
