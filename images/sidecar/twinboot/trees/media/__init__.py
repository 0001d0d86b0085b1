"""Media that trees are made of: what is on them, whose they are, and how their files are read.

archive   A medium that is one file: an ISO 9660 image, or a tar archive. By libarchive
contents  What is on a medium, as a list, and how a path is looked up in it. Pure
folder    A medium that is a folder
opening   Opens a medium, lays another one over it, and asks the installer kinds whose it is
sums      The checksums that a medium brings along. Pure
volume    The head of an ISO 9660 volume: its label, its size, and the MD5 that was implanted in it
"""
