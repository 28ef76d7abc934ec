"""A network as an SVG diagram: layers that belong together share a box, and branches are side by side."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from typing import Any

import jinja2

from folklore.describe.anatomy import Layer, total
from folklore.describe.diagram.graph import Box, Graph, Head, Part, Repetition, last_box, layers_of, repetitions
from folklore.describe.diagram.labels import shape, title, work
from folklore.describe.diagram.layout import ASIDE, GAP, Drawing, Extent, Point, width
from folklore.report import formatting

_MARGIN = 24
_TOP = 84  # below the heading
_PAD, _ABOVE = 12, 4  # between a block and its frame; above it, where there are only lines
_FRAME = (_PAD, _PAD, _ABOVE + _PAD)
_LONGEST = 30  # characters of a block's name
_NOTE = 14  # height of a line of text beside a block
_HEADING = {"head": 21, "total": 12}  # font sizes


def diagram(name: str, layers: Sequence[Layer]) -> str:
    """Draw a functional model.

    The layers that lead to the first output go down the page, divided where all paths meet. Equal blocks in a row are
    drawn once, and so are three or more branches that differ only in the channels that they take. Layers that lead to
    other outputs are drawn to the right of the layer where they start.

    Args:
        name: the heading.
        layers: the result of `anatomy.anatomy`.

    Returns:
        A standalone SVG in ASCII, which passes through any pipe.
    """
    graph = Graph(layers)
    heads = graph.heads()
    taken = {i for head in heads for i in (head.start, *(start for start, _ in head.also)) if i is not None}
    page = _Page(layers, taken)
    page.trunk(repetitions(graph.parts(), layers, taken))
    for head in heads:
        page.side_head(head)
    page.heading(name, layers)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("folklore.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    drawn = environment.get_template("diagram.svg").render(name=name, **page.content())
    drawn = re.sub(r"[\x00-\x08\x0b-\x1f]", " ", drawn)  # names may contain control characters, XML may not
    return drawn.encode("ascii", "xmlcharrefreplace").decode("ascii")


class _Page:
    def __init__(self, layers: Sequence[Layer], apart: Container[int]) -> None:
        self.layers = layers
        self.drawing = Drawing(layers, apart)
        self.frames: list[Mapping[str, float]] = []
        self.texts: list[dict[str, Any]] = []
        self.axis = self.right = self.bottom = 0.0
        self.ends: dict[int, float] = {}  # from the last layer of a row to the foot of that row
        self.lanes: list[dict[str, float]] = []  # the columns that hold the heads

    def trunk(self, rows: Sequence[Repetition]) -> None:
        """Draw rows below each other, with notes on their left."""
        notes = [self._note([[part] for part in row.parts]) for row in rows]
        for row, note in zip(rows, notes, strict=True):
            if any(self.layers[i].output for i in layers_of(row.parts)):
                note.append(("also an output", ""))
        gutter = _MARGIN + max(_wide(note) for note in notes)
        extents = [_padded(row.parts[0], self.drawing) for row in rows]
        self.axis = gutter + 40 + max(extent[0] for extent in extents)
        y, foot = float(_TOP), 0.0
        for row, note, (left, right, height) in zip(rows, notes, extents, strict=True):
            part, room = row.parts[0], max(height, _NOTE * len(note))
            top = y + (room - height) / 2
            inner = top if isinstance(part, Box) else top + _ABOVE
            if foot:
                self.drawing.line([(self.axis, foot), (self.axis, inner)], arrow=isinstance(part, Box))
            if not isinstance(part, Box):
                frame = {"x": self.axis - left, "y": top, "width": left + right, "height": height}
                self.frames.append(frame)
            self.drawing.draw(part, self.axis, inner)
            self._write(note, gutter, top + height / 2, "end")
            middle = top + height / 2
            self.drawing.line([(gutter + 10, middle), (self.axis - left - 6, middle)], style="leader")
            if len(row.parts) > 1:
                self._text(f"× {len(row.parts)}", "times", self.axis + right + 10, middle + 5.5)
            foot = inner + self.drawing.measure(part).height
            last = list(layers_of([part]))[-1]
            self.ends[last] = top + height
            self.right = max(self.right, self.axis + right + (52 if len(row.parts) > 1 else 0))
            y = y + room + GAP
        self.bottom = y

    def side_head(self, head: Head) -> None:
        """Draw a head to the right of the layer where it starts."""
        drawing, (left, right, height) = self.drawing, self.drawing.measure_series(head.parts)
        away: list[Point] = [(self.axis, float(_TOP) - GAP)]
        if head.start in self.ends:
            foot = self.ends[head.start]
            away = [(self.axis, foot), (self.axis, foot + GAP / 2)]
        elif head.start is not None:
            away = [drawing.sides[head.start][1]]
        start = away[-1]
        top, note = start[1] + GAP, self._note([head.parts])
        needed = left + right + _wide(note) + 12
        edge = self._lane(top, top + height, needed)
        x = edge + left
        if head.start is not None:
            drawing.line([*away, (x, start[1]), (x, top)], arrow=isinstance(head.parts[0], Box))
        drawing.draw_series(head.parts, x, top)
        for source, node in head.also:
            (_, (sx, sy)), ((nx, ny), _) = drawing.sides[source], drawing.sides[node]
            drawing.line([(sx, sy), (edge - ASIDE, sy), (edge - ASIDE, ny), (nx, ny)], arrow=True)
        self._write(note, x + right + 12, top + height / 2, "start")
        self.bottom = max(self.bottom, top + height)

    def _lane(self, top: float, foot: float, needed: float) -> float:
        """The left edge of a column that is free below `top` and wide enough; the last column may grow."""
        for lane in self.lanes:
            if lane["foot"] + GAP < top and (needed <= lane["width"] or lane is self.lanes[-1]):
                lane |= {"foot": foot, "width": max(needed, lane["width"])}
                return lane["left"]
        last = self.lanes[-1] if self.lanes else {"left": self.right, "width": 0.0}
        left = last["left"] + last["width"] + 40
        self.lanes.append({"left": left, "width": needed, "foot": foot})
        return left

    def heading(self, name: str, layers: Sequence[Layer]) -> None:
        """Write the model's name and its totals."""
        self._text(name, "head", _MARGIN, 38, "start")
        counted = [
            (sum(layer.parameters for layer in layers), "parameters"),
            (total([layer.multiply_adds for layer in layers]), "multiply-adds"),
            (total([layer.flops for layer in layers]), "FLOPs"),
        ]
        totals = [f"{formatting.rounded(number)} {unit}" for number, unit in counted if number is not None]
        if memory := total([layer.activation_bytes for layer in layers]):
            totals.append(f"{formatting.rounded(memory, 'B')} of activations for one example")
        self._text(" · ".join(totals), "total", _MARGIN, 58, "start")

    def content(self) -> dict[str, Any]:
        """The variables of the template."""
        lanes = [lane["left"] + lane["width"] for lane in self.lanes]
        wide = [text["x"] + width(text["text"], size) for text in self.texts if (size := _HEADING.get(text["style"]))]
        return {
            "width": round(max([self.right, *lanes, *wide]) + _MARGIN),
            "height": round(self.bottom + _MARGIN),
            "frames": [{side: round(length, 1) for side, length in frame.items()} for frame in self.frames],
            "lines": self.drawing.lines,
            "boxes": self.drawing.boxes,
            "texts": [*self.texts, *self.drawing.times],
        }

    def _note(self, equal: Sequence[Sequence[Part]]) -> list[tuple[str, str]]:
        """The lines of text beside equal parts, with their styles: name, output shape, parameters."""
        within = [[self.layers[i] for i in layers_of(parts)] for parts in equal]
        first, last = self._title(equal[0]), self._title(equal[-1])
        lines = [(first if first == last else f"{first} … {last}", "name")]
        shapes = [layers[-1].output_shape for layers in within]
        channels = {str(sizes[-1]) for sizes in shapes}
        lines.append((shape(shapes[-1]) if len(channels) == 1 else f"{shape(shapes[0])} … {shapes[-1][-1]}", ""))
        counts = [sum(layer.parameters for layer in layers) for layers in within]
        if any(counts):
            how = "" if len(counts) == 1 else " each" if len(set(counts)) == 1 else " in all"
            number = sum(counts) if how == " in all" else counts[0]
            lines.append((f"{formatting.rounded(number)} parameters{how}", ""))
        return lines

    def _title(self, parts: Sequence[Part]) -> str:
        """The common beginning of the parts' layer names, or else the name of the working layer at their end."""
        end = [self.layers[i] for i in last_box(parts[-1]).layers]
        name = title([self.layers[i].name for i in layers_of(parts)], end[work(end) or 0].name)
        return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"

    def _write(self, note: Sequence[tuple[str, str]], x: float, middle: float, anchor: str) -> None:
        """Write lines, vertically centred at `middle`."""
        y = middle - _NOTE * (len(note) - 1) / 2 + 4
        for i, (text, style) in enumerate(note):
            self._text(text, style, x, y + _NOTE * i, anchor)

    def _text(self, text: str, style: str, x: float, y: float, anchor: str = "start") -> None:
        self.texts.append({"text": text, "style": style, "x": round(x, 1), "y": round(y, 1), "anchor": anchor})


def _padded(part: Part, drawing: Drawing) -> Extent:
    """The space of a row: for a block, including its frame."""
    extent = drawing.measure(part)
    return (
        extent if isinstance(part, Box) else Extent(*(length + pad for length, pad in zip(extent, _FRAME, strict=True)))
    )


def _wide(note: Sequence[tuple[str, str]]) -> float:
    return max(width(text, 11.5) for text, _ in note)
