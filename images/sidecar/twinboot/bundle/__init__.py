"""What is carried from server to server as one file: a backup, and what a joining server is given.

certificate A TLS certificate for the hour of an invitation, and its fingerprint
invitation  The token of an invitation: where, until when, and by what both sides know each other
parts       Named parts with a manifest of their digests, as one archive
sealed      The archive behind a passphrase: encrypted, with a first line that says what it is
"""
