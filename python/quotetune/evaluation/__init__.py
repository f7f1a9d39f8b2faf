"""Evaluate responses: the metrics of a run's samples, and of responses of any origin."""
