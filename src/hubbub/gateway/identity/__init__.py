"""Who makes a request, what that one may do, and whose a task is."""
