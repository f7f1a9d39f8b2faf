"""Studies over runs: QUIP by the frequency of a topic, and the gain by the number of prompts."""
