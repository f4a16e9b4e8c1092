"""What user code touches: agents, tasks, the mixin."""
