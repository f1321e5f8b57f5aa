"""What a marketer writes becomes a checked Course."""
