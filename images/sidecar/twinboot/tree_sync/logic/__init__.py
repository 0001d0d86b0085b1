"""What is fetched next, from whom, and what becomes of it. Pure: no clock, no socket, no disk.

checking  Which tree is read next and compared with its manifest
choosing  What this server lacks of what the others have, and what it is asked to remove
codec     What servers and containers tell each other of trees: values to JSON values and back
jobs      What is to be done next, and what came of it
model     Trees, servers and settings as values
pacing    How fast: a token bucket, and the speed that was reached
sources   Which server and address a file is asked of, and how long one that failed is left alone
sync      The one who decides: jobs one after the other, results in, faults and progress out
"""
