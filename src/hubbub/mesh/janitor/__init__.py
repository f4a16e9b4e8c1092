"""What is nobody's work, done by one elected process."""
