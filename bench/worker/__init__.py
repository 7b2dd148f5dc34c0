"""Child processes that measure: how a run starts them, and their jobs."""
