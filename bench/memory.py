"""How much memory a process has held; as a program it is `drip`, and says so at its end (memory.py run …)."""

from __future__ import annotations

import sys
from pathlib import Path


def most_megabytes() -> float:
    """The most that this process has held at once (VmHWM), in MB of 1,000,000 bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024 / 1e6


if __name__ == "__main__":
    from drip.cli import main

    try:
        main()
    finally:
        sys.stderr.write(f"\n{most_megabytes()}\n")
