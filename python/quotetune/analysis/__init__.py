"""Studies over runs: what a topic's frequency decides, and what more training prompts bring."""
