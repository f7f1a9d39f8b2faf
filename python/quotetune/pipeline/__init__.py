"""Check a run before any work, estimate its cost, plan it and do it."""
