"""The vocabulary of what can happen to a message, and the signed links that carry it."""
