"""The picture of docs/evidence.md: intervals of an effect, and the verdicts that the rules of evidence give on them.

python -m benchmarks.verdicts_picture > docs/verdicts.svg
"""

from __future__ import annotations

from collections.abc import Iterator

from folklore.declare.hypothesis import Direction
from folklore.evidence.verdict import interval_passes, read
from folklore.report.formatting import label

INTERVALS = ((1.2, 2.4), (0.3, 1.7), (0.2, 0.8), (-0.7, 0.6), (-0.6, 1.6), (-1.7, 0.4), (-1.8, -0.3), (-2.5, -1.3))
DIRECTIONS: tuple[Direction, ...] = ("better", "no difference", "not worse")
LEFT, UNIT, ROW, TOP, COLUMN = 170, 55, 34, 46, 205  # pixels; UNIT is one δ
# Of the report's light scheme.
COLOURS = {"supported": "#006b4f", "refuted": "#a84300", "no practical difference": "#00527f", "undecided": "#5c5c5c"}
WIDTH = 2 * LEFT + 20 + COLUMN * len(DIRECTIONS)


def picture() -> str:
    """The picture as SVG."""
    height = TOP + ROW * len(INTERVALS) + 34
    bottom = height - 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#1b1b1b">',
        "<title>Intervals of an effect and their verdicts</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<rect x="{LEFT - UNIT}" y="{TOP - 12}" width="{2 * UNIT}" height="{bottom - TOP + 12}" fill="#e6e6e6"/>',
        f'<line x1="{LEFT}" x2="{LEFT}" y1="{TOP - 12}" y2="{bottom}" stroke="#666"/>',
        *(_text(LEFT + place * UNIT, bottom + 18, text, "middle") for place, text in ((-1, "−δ"), (0, "0"), (1, "δ"))),
        _text(LEFT, 22, "interval of the effect", "middle"),
        *(_text(_column(place), 22, direction, bold=True) for place, direction in enumerate(DIRECTIONS)),
        *(part for place, bounds in enumerate(INTERVALS) for part in _row(TOP + ROW * place + 8, *bounds)),
        "</svg>",
    ]
    return "\n".join(parts)


def _row(y: float, lo: float, hi: float) -> Iterator[str]:
    ends = [LEFT + bound * UNIT for bound in (lo, hi)]
    yield f'<line x1="{ends[0]:g}" x2="{ends[1]:g}" y1="{y:g}" y2="{y:g}" stroke="#1b1b1b" stroke-width="2"/>'
    yield from (
        f'<line x1="{x:g}" x2="{x:g}" y1="{y - 5:g}" y2="{y + 5:g}" stroke="#1b1b1b" stroke-width="2"/>' for x in ends
    )
    yield f'<circle cx="{sum(ends) / 2:g}" cy="{y:g}" r="4"/>'
    for place, direction in enumerate(DIRECTIONS):
        word, size = read(interval_passes(lo, hi), direction, 1.0)
        yield _text(_column(place), y + 4, label(word, size), colour=COLOURS[word])


def _column(place: int) -> int:
    return 2 * LEFT + 20 + COLUMN * place


def _text(x: float, y: float, text: str, anchor: str = "start", bold: bool = False, colour: str = "#1b1b1b") -> str:
    weight = ' font-weight="700"' if bold else ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{colour}"{weight}>{text}</text>'


if __name__ == "__main__":
    print(picture())
