"""Which servers are alive: peer (rules and records), liveness (their use), heartbeat (ours), leave."""
