"""Small pictures inside text and tables, without a script: effects with their intervals, and the marks of arms."""

from __future__ import annotations

import html
from dataclasses import dataclass

import markupsafe

from folklore.evidence.verdict import Size, Word
from folklore.report.formatting import label

FARTHEST = 6.0  # δ, at which the axis ends
WIDTH, WIDE, HEIGHT, EDGE = 240, 420, 26, 8  # pixels
_TICKS = {-6: "−6 δ", -1: "−δ", 0: "0", 1: "δ", 6: "6 δ"}
# In a square of 12 pixels, by plotly's names.
_CROSS = "M4.5 1h3v3.5h3.5v3h-3.5v3.5h-3v-3.5h-3.5v-3h3.5z"
_SHAPES = {
    "circle": '<circle cx="6" cy="6" r="5"/>',
    "square": '<path d="M1.5 1.5h9v9h-9z"/>',
    "diamond": '<path d="M6 0 12 6 6 12 0 6z"/>',
    "triangle-up": '<path d="M6 .5 12 11H0z"/>',
    "cross": f'<path d="{_CROSS}"/>',
    "triangle-down": '<path d="M6 11.5 0 1h12z"/>',
    "x": f'<path d="{_CROSS}" transform="rotate(45 6 6)"/>',
}
SYMBOLS = tuple(_SHAPES)


@dataclass(frozen=True)
class Effect:
    """An effect and its interval, in units of the smallest effect that matters.

    Attributes:
        seeds_only: the bounds of the interval over seeds only; () where it is the same.
    """

    verdict: Word
    effect: float
    lo: float
    hi: float
    size: Size | None = None
    seeds_only: tuple[float, ...] = ()


def mark(effect: Effect, alone: bool = False) -> markupsafe.Markup:
    """An effect and its interval in units of δ, on an axis that ends at ±6; what lies beyond is given as a number.

    The grey area is (-δ, δ). The interval over seeds only is thick; a hollow dot is an undecided verdict, or an open
    size. Those who cannot see it are told the same in words. It has the colour of the text around it.

    Args:
        effect: what is drawn.
        alone: whether it stands outside a table, wider and with numbers at its axis.
    """
    hollow = effect.size == "open" or effect.verdict == "undecided"
    width, middle = WIDE if alone else WIDTH, HEIGHT / 2
    lo, dot, hi, left, zero, right = (_x(value, width) for value in (effect.lo, effect.effect, effect.hi, -1, 0, 1))
    parts = [
        f'<rect x="{left:g}" y="0" width="{right - left:g}" height="{HEIGHT}" fill="#8884"/>',
        f'<line x1="{zero:g}" x2="{zero:g}" y1="0" y2="{HEIGHT}" stroke="#888"/>',
        _line(lo, hi, 1.5),
    ]
    if effect.seeds_only:
        inner, outer = (_x(bound, width) for bound in effect.seeds_only)
        parts.append(_line(inner, outer, 4))
    fill = "var(--page)" if hollow else "currentColor"
    parts.append(f'<circle cx="{dot:g}" cy="{middle:g}" r="4.5" fill="{fill}" stroke="currentColor" stroke-width="2"/>')
    if abs(effect.effect) > FARTHEST:
        anchor, place = ("end", width - 18) if effect.effect > 0 else ("start", 18)
        parts.append(f'<text x="{place}" y="{middle + 4:g}" text-anchor="{anchor}" font-size="12" fill="currentColor">'
                     f'{effect.effect:.0f} δ</text>')  # fmt: skip
    if alone:
        parts += [_tick(place, text) for place, text in _TICKS.items()]
    said = f"{effect.effect:+.2f} δ, from {effect.lo:+.2f} to {effect.hi:+.2f}: {label(effect.verdict, effect.size)}"
    height = HEIGHT + (16 if alone else 0)
    return markupsafe.Markup(
        f'<svg class="mark {effect.verdict.replace(" ", "-")}" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-label="{html.escape(said)}"><title>{html.escape(said)}</title>'
        f"{''.join(parts)}</svg>"
    )


def swatch(colour: str, symbol: str) -> markupsafe.Markup:
    """The mark of an arm, in its colour and shape, for a legend. It is printed too, which a background is not."""
    return markupsafe.Markup(
        f'<svg class="swatch" viewBox="0 0 12 12" aria-hidden="true" fill="{colour}">{_SHAPES[symbol]}</svg>'
    )


def _x(value: float, width: int) -> float:
    inside = min(max(value, -FARTHEST), FARTHEST) + FARTHEST
    return round(EDGE + (width - 2 * EDGE) * inside / (2 * FARTHEST), 1)


def _line(start: float, end: float, thick: float) -> str:
    y = HEIGHT / 2
    return f'<line x1="{start:g}" x2="{end:g}" y1="{y:g}" y2="{y:g}" stroke="currentColor" stroke-width="{thick:g}"/>'


def _tick(place: int, text: str) -> str:
    x, anchor = {-6: (0, "start"), 6: (WIDE, "end")}.get(place, (_x(place, WIDE), "middle"))
    at = _x(place, WIDE)
    return (
        f'<line x1="{at:g}" x2="{at:g}" y1="{HEIGHT - 4}" y2="{HEIGHT}" stroke="#888"/>'
        f'<text x="{x:g}" y="{HEIGHT + 13}" text-anchor="{anchor}" font-size="12.5" fill="var(--quiet)">{text}</text>'
    )
