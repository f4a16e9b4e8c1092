"""Names, subjects, envelope, card and task events: pure, no I/O."""
