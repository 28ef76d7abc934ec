"""Effects as small pictures inside the rows of a table: no script, and a few hundred bytes each."""

from __future__ import annotations

import html

import markupsafe

from folklore.report.formatting import label
from folklore.report.plots import FARTHEST, VERDICTS, Effect

WIDTH, HEIGHT, EDGE = 240, 26, 8  # pixels


def mark(effect: Effect) -> markupsafe.Markup:
    """An effect and its interval in units of δ, on an axis that ends at ±6; what lies beyond is given as a number.

    The grey area is (-δ, δ). The interval over seeds only is thick; a hollow dot is an undecided verdict, or an open
    size. Those who cannot see it are told the same in words.
    """
    colour, symbol = VERDICTS[effect.verdict]
    hollow = effect.size == "open" or symbol.endswith("-open")
    middle = HEIGHT / 2
    parts = [
        f'<rect x="{_x(-1):g}" y="0" width="{_x(1) - _x(-1):g}" height="{HEIGHT}" fill="#8884"/>',
        f'<line x1="{_x(0):g}" x2="{_x(0):g}" y1="0" y2="{HEIGHT}" stroke="#888"/>',
        _line(effect.lo, effect.hi, middle, colour, 1.5),
    ]
    if effect.seeds_only:
        parts.append(_line(effect.seeds_only[0], effect.seeds_only[1], middle, colour, 4))
    fill = "none" if hollow else colour
    parts.append(f'<circle cx="{_x(effect.effect):g}" cy="{middle:g}" r="4.5" fill="{fill}" stroke="{colour}" '
                 'stroke-width="2"/>')  # fmt: skip
    if abs(effect.effect) > FARTHEST:
        anchor, place = ("end", WIDTH - 18) if effect.effect > 0 else ("start", 18)
        parts.append(f'<text x="{place}" y="{middle + 4:g}" text-anchor="{anchor}" font-size="12" fill="{colour}">'
                     f'{effect.effect:.0f} δ</text>')  # fmt: skip
    said = f"{effect.effect:+.2f} δ, from {effect.lo:+.2f} to {effect.hi:+.2f}: {label(effect.verdict, effect.size)}"
    return markupsafe.Markup(
        f'<svg class="mark" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{html.escape(said)}"><title>{html.escape(said)}</title>{"".join(parts)}</svg>'
    )


def _x(value: float) -> float:
    inner = WIDTH - 2 * EDGE
    return round(EDGE + inner * (min(max(value, -FARTHEST), FARTHEST) + FARTHEST) / (2 * FARTHEST), 1)


def _line(lo: float, hi: float, y: float, colour: str, width: float) -> str:
    return f'<line x1="{_x(lo):g}" x2="{_x(hi):g}" y1="{y:g}" y2="{y:g}" stroke="{colour}" stroke-width="{width:g}"/>'
