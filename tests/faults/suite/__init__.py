"""The fault suite: much work, and much that goes wrong, drawn from a seed; a ledger at the end."""
