"""What the program costs against the least possible: docs/performance.md has the figures."""
