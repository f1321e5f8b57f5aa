"""Evidence becomes numbers."""
