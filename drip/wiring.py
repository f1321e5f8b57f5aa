"""Settings → store, transport, renderer."""
