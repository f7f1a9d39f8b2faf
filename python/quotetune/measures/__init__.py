"""Measures of responses: how much they quote, how good they are, and confidence intervals."""
