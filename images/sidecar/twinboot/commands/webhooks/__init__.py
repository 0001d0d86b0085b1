"""`twinboot webhooks`: what waits for which webhook, and a test of one.

command  The command: what it asks the agent, and what it prints
"""
