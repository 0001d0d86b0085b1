"""Install trees: made from media, described by a manifest, verified and taken away.

assembling  All files of one import, into the folder that will be the tree
copying     Copies a medium's files into a folder: read once, hashed on the way, written where it differs
facts       What a tree on the disk is, in a few numbers, so that servers can tell each other
free_space  Whether a tree has room on the disk, before the first byte of it is written
importing   From a medium to a published tree
journal     Which files of a tree that is being imported are whole
manifest    What a tree is, and every file of it with size, time and SHA-256. Pure
media/      What is on media, whose they are, and how their files are read
plausible   Whether a manifest that another server has made can be laid on this disk. Pure
preparing   What an operator wants of a medium, and what will be done
reading     The manifest of a tree on the disk, and which trees there are
removals    Which trees were removed on purpose, so that they are not fetched again
tree_store  Where trees are made, published and taken away: one rename each
verifying   Compares a tree on the disk with its manifest
"""
