"""`python -m drip` is `drip`."""
