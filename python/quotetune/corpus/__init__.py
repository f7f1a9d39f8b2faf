"""The index of a corpus: open it, build it, change it, and read the documents for it."""
