"""A Course becomes a Plan: flat, ordered, content-hashed steps with nothing left to look up."""
