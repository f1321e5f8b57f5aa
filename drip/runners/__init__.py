"""What wakes engine/deliver.py."""
