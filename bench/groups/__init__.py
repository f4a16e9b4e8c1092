"""What is measured, one file a group; each has a coroutine `rows`."""
