"""How quotes and documents are shown to a reader: marks, footnotes, Markdown, JSON."""
