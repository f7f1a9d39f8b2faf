"""Use what a run has trained: answer with it, and give it away."""
