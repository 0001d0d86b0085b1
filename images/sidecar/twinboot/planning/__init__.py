"""What each machine of a site gets, decided before anything is rendered. Pure.

plan  Assigns each machine of a site its group, its server (address or name), and its answer file
"""
