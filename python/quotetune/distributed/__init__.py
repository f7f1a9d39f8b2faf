"""Builds that are divided into shards for many processes or machines."""
