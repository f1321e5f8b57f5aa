"""One worker of a measured run: `python bench/worker.py FOLDER DATABASE TRANSPORT [--profile]`.

Says `ready` when everything is imported and opened, waits for a line, sends what is due, and says as one line of JSON
how many mails went and what CPU time that took. That is `drip run --until-idle` without the start of a process.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import nullcontext
from pathlib import Path

from samples import sampling
from scene import Scene

from drip.engine.deliver import deliver_due


def main(folder: str, database: str, transport: str, profile: str = "") -> None:
    """Send what is due once told to."""
    scene = Scene(Path(folder), transport)
    store = scene.store(database)
    sending = scene.sending(store)
    print("ready", flush=True)
    sys.stdin.readline()
    before = time.process_time()
    with sampling() if profile else nullcontext({}) as spent:
        tally = deliver_due(sending)
    cpu = time.process_time() - before
    print(json.dumps({"sent": tally.sent, "trouble": tally.trouble, "cpu": cpu, "spent": spent}), flush=True)
    sending.transport.close()
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
