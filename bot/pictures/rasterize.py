"""A process of its own, run as ``rasterize.py WIDTH SYSTEM-FONTS FONT…``: an SVG comes in and a PNG goes out."""

from __future__ import annotations

import sys

from resvg_py import svg_to_bytes


def main(width: str, system_fonts: str, *fonts: str) -> None:
    """Draw ``width`` pixels wide; ``system_fonts`` “yes” lends characters that ``fonts`` lack."""
    png = svg_to_bytes(
        svg_string=sys.stdin.buffer.read().decode("utf-8"),
        width=int(width),
        font_files=list(fonts),
        font_family="Roboto",
        sans_serif_family="Roboto",
        skip_system_fonts=system_fonts != "yes",
    )
    sys.stdout.buffer.write(png)


if __name__ == "__main__":
    main(*sys.argv[1:])
