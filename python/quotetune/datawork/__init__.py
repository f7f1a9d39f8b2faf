"""Work on a corpus with an index: find what it repeats or has in common, and copy it without."""
