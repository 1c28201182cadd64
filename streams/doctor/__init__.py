"""Is all well, and if not, what is to be done: checks of what is configured, what answers and how far things have come."""
