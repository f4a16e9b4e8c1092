"""Credentials and TLS for the connection to NATS."""
