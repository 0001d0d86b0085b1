"""The process power: the secrets it alone reads, what it is asked for, its socket.

actions  One action at one machine's BMC, from its password to one line of what came of it
health   Asks the process that runs whether it answers, as its container's health check
secrets  Passwords: files below config/secrets/power, which this process alone can read beside root
serve    The socket: one question a connection, each in a thread of its own
start    `python3 -m twinboot.power.host.start`: builds the process and runs it until TERM
"""
