"""Evaluate responses: those of a run, and those of any other origin."""
