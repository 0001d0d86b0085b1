"""`twinboot backup` and `restore`: a server's own as one file, and back from it.

collecting What of a server goes into a backup, or to a server that joins
making     `twinboot backup`
placing    Puts files in their place, each in one step; what stood there is kept beside
restoring  `twinboot restore`
settings   Settings of compose/.env that go from one setting-up of a server to the next
"""
