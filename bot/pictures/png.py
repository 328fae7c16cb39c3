"""PNGs of SVGs, drawn outside of this process and remembered."""

from __future__ import annotations

import hashlib
import logging
import subprocess
import sys
import threading
from collections import OrderedDict
from pathlib import Path

from bot.pictures.fonts import BOLD, REGULAR

_log = logging.getLogger(__name__)

# Twice the logical width, for screens with fine pixels.
WIDTH = 1280
_REMEMBERED = 32
_PROGRAM = Path(__file__).with_name("rasterize.py")


class NotDrawn(Exception):
    """The picture could not be drawn; the log says why."""


class Painter:
    """Turns SVGs into PNGs.

    resvg holds the interpreter's lock for up to half a second, in which nothing could be acked, so each picture is
    drawn by a process of its own, one at a time. Whatever becomes of it, the next picture has a fresh one.
    """

    def __init__(self, *, system_fonts: bool = True, seconds: float = 20.0, program: Path = _PROGRAM) -> None:
        """``system_fonts`` lend what Roboto lacks, such as emoji; after ``seconds`` a picture is given up."""
        self._system_fonts = system_fonts
        self._seconds = seconds
        self._program = program
        self._one_at_a_time = threading.Lock()
        self._drawn: OrderedDict[str, bytes] = OrderedDict()

    def png(self, svg: str) -> bytes:
        """The picture, ``WIDTH`` pixels wide; raise ``NotDrawn``."""
        key = hashlib.sha256(svg.encode()).hexdigest()
        with self._one_at_a_time:
            if key not in self._drawn:
                self._drawn[key] = self._draw(svg)
            self._drawn.move_to_end(key)
            if len(self._drawn) > _REMEMBERED:
                self._drawn.popitem(last=False)
            return self._drawn[key]

    def _draw(self, svg: str) -> bytes:
        fonts = "yes" if self._system_fonts else "no"
        command = [sys.executable, "-I", str(self._program), str(WIDTH), fonts, str(REGULAR), str(BOLD)]
        try:
            done = subprocess.run(command, input=svg.encode(), capture_output=True, timeout=self._seconds, check=True)
        except subprocess.CalledProcessError as error:
            _log.error("drawing a picture failed with %s: %s", error.returncode, error.stderr.decode(errors="replace"))
            raise NotDrawn from None
        except (subprocess.TimeoutExpired, OSError) as error:
            _log.error("drawing a picture failed: %s", error)
            raise NotDrawn from None
        return done.stdout
