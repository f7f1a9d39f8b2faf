"""Check a run before any work, estimate what it takes, plan it and do it."""
