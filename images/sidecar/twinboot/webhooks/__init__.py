"""Webhooks: what happens is told to programs elsewhere by HTTP, at least once, also when a server dies. Pure.

Every server that knows of a happening makes the same event of it, with the same id, and keeps it until some
server has delivered it; what is kept and what is delivered is told to the peers (agent/webhooks). So an event
is lost only with the last server that knew of it, and a receiver that gets one twice knows it by its id.

answer   What a receiver's answer means: delivered, this event refused, nobody there
delivery_queue  One server's part: what it keeps, what it tells its peers, what it sends now
episodes An alarm's begin and end, once for all servers together
event    One happening as a value, its id and the JSON that a receiver gets
hook     A webhook of the site file, and which events it wants
outbox   The events of one server: what waits for which webhook, merged with what peers know
sending  One webhook's deliveries: whose turn it is to send, what is next, when it is tried again
signing  Secrets and signatures, as Standard Webhooks has them
"""
