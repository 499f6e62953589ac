"""What the program costs, measured against the least that is possible: see README.md here."""
