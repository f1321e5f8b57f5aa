"""One worker of a measured run: `python bench/worker.py FOLDER DATABASE TRANSPORT [--seconds S] [--profile]`.

Says `ready` when everything is imported and opened, waits for a line, sends what is due (for S seconds at most), and
says as one line of JSON how many mails went and what that took. It is `drip run --until-idle` without the start of a
process.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import nullcontext
from pathlib import Path

from memory import most_megabytes
from samples import sampling
from scene import Scene

from drip.engine.deliver import deliver_due
from drip.runners.timer import settle_down


def main() -> None:
    """Send what is due once told to."""
    parser = argparse.ArgumentParser()
    for name in ("folder", "database", "transport"):
        parser.add_argument(name)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()
    scene = Scene(Path(asked.folder), asked.transport)
    store = scene.store(asked.database)
    sending = scene.sending(store)
    settle_down()
    print("ready", flush=True)
    sys.stdin.readline()
    before, end = time.process_time(), time.monotonic() + asked.seconds
    with sampling() if asked.profile else nullcontext({}) as spent:
        tally = deliver_due(sending, stop=lambda: bool(asked.seconds) and time.monotonic() > end)
    cpu = time.process_time() - before
    told = {"sent": tally.sent, "trouble": tally.trouble, "cpu": cpu, "megabytes": most_megabytes(), "spent": spent}
    print(json.dumps(told), flush=True)
    sending.transport.close()
    store.close()


if __name__ == "__main__":
    main()
