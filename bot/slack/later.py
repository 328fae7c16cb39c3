"""What takes seconds, on a few threads of its own, so that it never keeps a thread that acks."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from slack_sdk import WebClient

from bot.errors import UserError
from bot.slack.blocks import Json, modal, section
from bot.slack.boundary import unexpected
from bot.slack.loading import show
from bot.slack.text import escape


class Later:
    """Carries out slow work behind a ``loading`` window; the window says so when the work fails."""

    def __init__(self, threads: int = 4) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="later")

    def __call__(self, client: WebClient, window: Json, work: Callable[[], object]) -> None:
        """Return at once; ``work`` shows its own outcome in the window."""
        self._threads.submit(self._carry_out, client, window, work)

    def behind(self, tell: Callable[[str], object], work: Callable[[], object]) -> None:
        """Return at once; ``tell`` is given a sentence when ``work`` fails."""
        self._threads.submit(self._quietly, tell, work)

    def close(self) -> None:
        """Finish what has begun and forget the rest."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _carry_out(self, client: WebClient, window: Json, work: Callable[[], object]) -> None:
        try:
            work()
        except UserError as error:
            self._tell(client, window, error)
        except Exception as error:  # noqa: BLE001 - whoever waits is told in any case
            self._tell(client, window, unexpected(error, f"the work behind “{window['title']['text']}”"))

    def _quietly(self, tell: Callable[[str], object], work: Callable[[], object]) -> None:
        try:
            work()
        except UserError as error:
            tell(error.sentence)
        except Exception as error:  # noqa: BLE001 - whoever waits is told in any case
            tell(unexpected(error, "work in the background").sentence)

    def _tell(self, client: WebClient, window: Json, refusal: UserError) -> None:
        try:
            show(client, window, modal("That didn’t work", [section(escape(refusal.sentence))], callback_id="problem"))
        except Exception as error:  # noqa: BLE001 - a thread of ours: nobody else would hear of it
            unexpected(error, "telling about a failure")
