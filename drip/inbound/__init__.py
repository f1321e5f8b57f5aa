"""What providers and mail servers tell us: a file each, from a later version on."""
