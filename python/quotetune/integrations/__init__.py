"""Quote-tuning inside other people's trainers: rewards, and datasets of pairs."""
