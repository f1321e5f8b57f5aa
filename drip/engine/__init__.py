"""Where the core meets the shell: one use case a file. Everything above only calls these."""
