"""Benchmarks of quotetune and its peers; `python -m benchmarks` prints the tables."""
