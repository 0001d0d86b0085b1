"""Health of this server: daemon, managed (services), lan, their intake, penalty and holddown."""
