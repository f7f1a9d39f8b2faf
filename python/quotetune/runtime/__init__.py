"""Support code that knows nothing of corpora or models: files, console, chance, processes."""
