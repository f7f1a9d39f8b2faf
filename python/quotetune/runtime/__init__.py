"""The machine below the program: files, the console, chance, child processes."""
