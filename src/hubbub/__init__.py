"""Hubbub: a message mesh for AI agents and their workflows, on NATS."""
