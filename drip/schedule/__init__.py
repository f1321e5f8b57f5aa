"""When: zones, windows and holidays; the next due step, with the reason; learners on a virtual clock."""
