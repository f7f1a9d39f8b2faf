"""Show quotes and documents to a reader: marks, footnotes, Markdown, JSON."""
