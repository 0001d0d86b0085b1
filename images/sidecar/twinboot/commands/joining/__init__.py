"""Servers that come and go: invitations, joining by one, and the site file with and without a server.

join       `twinboot join`: what an inviting server gives, fetched and put in place
inviting   `twinboot invite`: what is given, to whom, and until when
listening  The listener of an invitation: TLS, one secret, a few connections at once
member     `twinboot member`: the site file with a server more, or without one
membership The text of a site file with a server more, or without one. Pure
"""
