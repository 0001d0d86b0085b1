"""The page and the API: a service of its own that asks this server's sidecar, and has no right of its own.

api/         The routes below /api/v1
app          Builds the application from its parts
cache        One answer of the sidecar for all who ask within a moment
caller       Who asks, and whether anybody could read the token that came along
client       One question to the sidecar through its socket, one answer
event_stream What changed, looked at twice a second, told to all who listen
facts        What the sidecar knows, as typed values: the one way of routes and of the page's views to it
headers      What every answer has on it, so that nothing from elsewhere runs in the page
limits       Bounds for one client address
models       The values: status, machines, moves, alarms
problems     Errors as RFC 9457 has them
serve        The program: its socket, its limits, its health
ui/          The page: HTML for people
"""
