"""`drip demo`: the whole story on SQLite with a virtual clock."""
