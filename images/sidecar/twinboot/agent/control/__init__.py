"""What this server's agent is asked and told, by `twinboot` and by the service `page`: sockets and replies.

answers       What `twinboot status`, `history` and `diff` are answered
audit         Every action is kept on this server's disk: who asked for it, and how it ended
build         Builds both sockets, and the audit log that they share
https         By which certificate this server's HTTPS is known
lines         Requests and replies on a socket of this server: one JSON object a line, each way
machine_logs  What a machine's installer has said, as all servers have heard it
machine_changes  The machines for the page: those that changed since it last asked
page_listener The socket for the service `page`: a fixed list of what can be asked there
socket        The control socket: what root of this server asks and orders
"""
