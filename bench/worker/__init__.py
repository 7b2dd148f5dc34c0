"""Child processes that measure: how they are started, and the jobs that they do."""
