"""The mesh on NATS: connection, streams, inbox, requests, presence, task log, dead letters."""
