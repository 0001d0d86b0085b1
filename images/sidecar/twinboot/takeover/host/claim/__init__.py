"""An address comes or leaves: moves (order of the steps), claim (takeover of its connections)."""
