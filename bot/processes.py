"""Which process is which: a name for this one, and whether another one on this machine is still there."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

_PROC = Path("/proc")


def name_of_this() -> str:
    """A name that no other process has, here or elsewhere."""
    return "|".join((*_place(), str(os.getpid()), _began(os.getpid()), secrets.token_hex(4)))


def is_gone(name: str) -> bool:
    """Whether the process of this name is certainly no more. Of one elsewhere, nothing is certain."""
    host, machine, pid, began, _ = [*name.split("|"), "", "", "", "", ""][:5]
    if (host, machine) != _place() or not machine or not pid.isdecimal():
        return False
    return _began(int(pid)) != began


def _place() -> tuple[str, str]:
    """The host, and what tells its boots and containers apart; the latter is empty where the system does not say."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return socket.gethostname(), f"{boot}/{(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname(), ""


def _began(pid: int) -> str:
    """When a process began, in the kernel's own ticks; empty when there is none, or none that still works."""
    try:
        # The second field is the program's name in brackets, which may hold anything.
        state, *fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state in "ZX" else fields[18]
