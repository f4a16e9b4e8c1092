"""What was said: pages of it, and following it."""
