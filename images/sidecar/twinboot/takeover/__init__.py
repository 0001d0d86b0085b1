"""Connection takeover: clients' connections outlive their server. logic is pure; host is the process."""
