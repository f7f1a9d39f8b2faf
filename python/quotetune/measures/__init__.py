"""Measures of responses beside those of `quotetune.evaluation`, and how sure they are."""
