"""Runs that resume: what a handler did is on record, and is not done again (DESIGN 5.12, 5.13)."""
