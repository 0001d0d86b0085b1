"""Who should own a group: candidates and their rank, and when a group changes hands.

candidates  Who should own a group: queries on the state; nothing is changed here
decide      Decides in every step whether this server claims, keeps or releases each group
other_holders  Who else has a virtual address, or gets it next; and which servers receive nothing
standby     Whether this server may hand over and hold nothing, by its operator's wish
"""
