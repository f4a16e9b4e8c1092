"""What every request passes first, and how much one user may do."""
