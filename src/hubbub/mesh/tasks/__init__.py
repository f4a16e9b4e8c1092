"""The way of a piece of work: stored, pulled, claimed, worked on, logged, reported, removed."""
