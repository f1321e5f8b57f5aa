"""Advice on a valid course, a file a family."""
