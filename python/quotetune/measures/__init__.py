"""Measures of responses: how much they quote, how good they are, and how sure that is."""
