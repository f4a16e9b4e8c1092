"""The embedded nats-server: found, started, shared, never orphaned."""
