"""Evidence: what quotetune claims about the quality of responses, beside what could explain it."""
