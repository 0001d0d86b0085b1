"""Sees the clients' connections: capture (packet socket), filter (BPF), recorder, tftp_capture."""
