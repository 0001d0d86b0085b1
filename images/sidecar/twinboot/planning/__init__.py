"""What each machine of a site gets, decided before anything is rendered. Pure.

plan  What each machine of a site gets: its group, its server, its answer file
"""
