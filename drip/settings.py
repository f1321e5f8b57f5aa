"""Environment and drip.toml → Settings."""
