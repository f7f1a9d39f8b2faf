"""Facts about a model: its files, size, context length, precision and tokenizer."""
