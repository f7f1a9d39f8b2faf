"""Facts about a model and its files, and the loading of its tokenizer and adapter."""
