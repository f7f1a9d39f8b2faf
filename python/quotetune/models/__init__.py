"""A model's files: where they are, how large they are, and the tokenizer beside them."""
