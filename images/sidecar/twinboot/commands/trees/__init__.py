"""The commands about install trees: `twinboot import`, and `twinboot trees` list, verify, remove, fetch.

bar        How far an import or a check is: a bar on a terminal, else a line now and then
command    Their options
entry      A tree and a profile as the site file has them, and how they are put into it
importing  `twinboot import`
managing   `twinboot trees`: list, verify
removing   `twinboot trees`: remove, fetch
use        Which profiles use a tree
"""
