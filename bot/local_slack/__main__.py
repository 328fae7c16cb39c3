"""``python -m bot.local_slack``: the local workspace on its own, until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

import yaml

from bot.local_slack import LocalSlack


def main() -> None:
    """Start the workspace and print what an app needs to join it."""
    parser = argparse.ArgumentParser(prog="python -m bot.local_slack", description=__doc__)
    parser.add_argument("--port", type=int, default=8790)
    parser.add_argument("--manifest", type=Path, default=Path("manifest.yml"))
    parser.add_argument("--data-dir", type=Path, help="keep messages and files here")
    parser.add_argument("--no-rate-limits", action="store_true")
    options = parser.parse_args()
    if not options.manifest.is_file():
        parser.error(f"there is no manifest at {options.manifest}")
    manifest = yaml.safe_load(options.manifest.read_text("utf-8"))
    rate_limits = not options.no_rate_limits
    # Both ways of asking a server to end shall save what was said.
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with LocalSlack(manifest, port=options.port, data_dir=options.data_dir, rate_limits=rate_limits) as local:
        sys.stdout.write(
            f"The workspace is at {local.url}\n"
            f"SLACK_API_URL={local.api_url}\n"
            f"SLACK_BOT_TOKEN={local.bot_token}\n"
            f"SLACK_APP_TOKEN={local.app_token}\n"
            "Ctrl-C ends it.\n"
        )
        sys.stdout.flush()
        signal.sigwait(signals)


if __name__ == "__main__":
    main()
