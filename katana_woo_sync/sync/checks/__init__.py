"""`check`: asking everything that a cycle depends on, and writing nothing."""
