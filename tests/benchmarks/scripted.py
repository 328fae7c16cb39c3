"""The scripted model as a process of its own: prints its environment, answers after 200 ms, ends with its input."""

from __future__ import annotations

import json
import sys

from tests.support.scripted_model import ScriptedModel

LATENCY = 0.2


def main() -> None:
    with ScriptedModel(latency=LATENCY) as model:
        print(json.dumps(model.env()), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
