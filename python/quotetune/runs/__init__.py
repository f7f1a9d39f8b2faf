"""The files of a run: where they are, which stages are done, and which policy is the best."""
