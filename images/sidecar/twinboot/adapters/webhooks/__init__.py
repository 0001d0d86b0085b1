"""Receivers of webhooks: one POST, bounded in time and in what is read; the files that it needs.

post     One POST to one URL, and its answer
secrets  The secrets of a webhook, from their file
"""
