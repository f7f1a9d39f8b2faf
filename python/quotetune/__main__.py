"""`python -m quotetune` is the command `quotetune`."""

from quotetune.cli import main

main()
