"""NATS in our terms: the connection, its streams, what they hold and who waits for what."""
