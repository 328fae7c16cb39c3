"""``make bench``: all questions, or those named: ``python -m tests.benchmarks acks runs``."""

from __future__ import annotations

import os
import platform
import sys

from tests.benchmarks import acks, flows, freshness, history, home, listing, memory, runs, starting
from tests.benchmarks.workplace import scripted_model

QUESTIONS = {
    "acks": acks,
    "runs": runs,
    "freshness": freshness,
    "flows": flows,
    "starting": starting,
    "memory": memory,
    "history": history,
    "home": home,
    "listing": listing,
}


def main(names: list[str]) -> None:
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors, {platform.system()} {platform.machine()}")
    with scripted_model() as model:
        for name in names or QUESTIONS:
            QUESTIONS[name].measure(model)


if __name__ == "__main__":
    main(sys.argv[1:])
