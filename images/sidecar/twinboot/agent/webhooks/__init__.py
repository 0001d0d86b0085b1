"""Webhooks on this server: what happens becomes events, told to the peers, kept on the disk, and sent.

build         Builds them, and joins them with those who have something to tell
driver        The loop's part: the delivery queue (twinboot.webhooks) joined with peers, disk, senders and
              alarms
event_sources What machines, groups and alarms do, as events
group_monitor Looks at groups after each step of the core
senders       A thread for each webhook, which waits for its receiver
shared_alarms Which alarms each server has, told to the peers
store         The file that outlives a restart: events that wait, and the numbers of alarms' episodes
"""
