"""SQLModel tables and every query."""
