"""Use the policy that a run trained: answer with it, and export it."""
