"""The agent's side of connection takeover: the line to the takeover process, and its records for the peers.

line   The socket between the agent and the takeover process: lines of JSON, questions and answers, and how
       it fares
moves  What the agent and the takeover process, the process that carries clients' connections over, say to
       each other
"""
