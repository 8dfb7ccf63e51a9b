"""The way in: a CONNECT proxy, one TLS port, and a list of steps that every request takes to a service."""
