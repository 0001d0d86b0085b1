"""`make demo`: two machines install at once, one server dies, and both installs end right."""
