"""What is known of each metric and criterion, as data, and how metrics are printed."""
