"""Who owns a group: candidates (queries on the state) and decide (when a group changes hands)."""
