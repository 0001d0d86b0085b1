"""Who may do what by the API and the page: tokens, sessions, roles, and what is kept of each action. Pure.

audit     What is kept of an action: who, from where, what, when, and how it ended
roles     Three roles, and the one that each command asks for
sessions  A token that was typed in once becomes a signed text, which a browser keeps for half a day
tokens    A token is known by its SHA-256, which stands in the site file
"""
