"""The tables of metrics and criteria, as data, and the printing of metrics."""
