"""The local workspace closes while somebody is just coming in."""

from __future__ import annotations

import gc
import socket
import threading
from contextlib import suppress

from bot.local_slack import LocalSlack
from bot.manifest import manifest


def test_no_connection_is_left_open() -> None:
    for _ in range(20):
        slack, over = LocalSlack(manifest()).start(), threading.Event()
        comers = [threading.Thread(target=come_and_go, args=(slack.url, over)) for _ in range(4)]
        for comer in comers:
            comer.start()
        slack.stop()
        over.set()
        for comer in comers:
            comer.join()

    # A connection that was left open is warned of here, and every warning is a failure.
    gc.collect()


def come_and_go(url: str, over: threading.Event) -> None:
    host, port = url.removeprefix("http://").split(":")
    while not over.is_set():
        with suppress(OSError), socket.create_connection((host, int(port)), 1) as connection:
            connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            connection.recv(10)
