"""Benchmarks of quotetune beside its peers; `python -m benchmarks` prints their tables."""
