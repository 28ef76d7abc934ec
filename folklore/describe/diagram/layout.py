"""The positions of a network's parts in the diagram, and the lines between them. All lengths are in pixels."""

from __future__ import annotations

import itertools
from collections.abc import Container, Sequence
from typing import Any, NamedTuple

from folklore.describe.anatomy import Layer
from folklore.describe.diagram.graph import Box, Parallel, Part, Tangle, alike, layers_of
from folklore.describe.diagram.labels import fused, role, words, work
from folklore.describe.receptive_field import kind

GAP = 18  # between a part and the next one below
ASIDE = 16  # between parts beside each other
_BEND = 9  # from a split to the bend of its lines
_SPLIT = 24  # from a split to its branches, and from the branches to their merge
_LANE = 9  # between parallel lines
_TIMES = 38  # width of "× 16"
_TEXT = {"work": (12.5, 16), "": (11, 13)}  # font size, line height
_TALL = 40  # height of a box
_ROUND = 5  # radius of a line's corners

Point = tuple[float, float]


class Extent(NamedTuple):
    """How far a part reaches to the left and right of its axis, and its height."""

    left: float
    right: float
    height: float


class Drawing:
    """Boxes and lines at their positions: first measure a part, then draw it at an axis and a top.

    Args:
        layers: of the model.
        apart: the layers where heads start.
    """

    def __init__(self, layers: Sequence[Layer], apart: Container[int] = ()) -> None:
        self.layers = layers
        self.apart = apart
        self.times: list[dict[str, Any]] = []  # texts beside branches that stand for several
        self.boxes: list[dict[str, Any]] = []
        self.lines: list[dict[str, Any]] = []
        self.sides: dict[int, tuple[Point, Point]] = {}  # the middles of the left and right side of each layer's box

    def measure(self, part: Part) -> Extent:
        """The space that a part takes."""
        if isinstance(part, Box):
            lines = self._texts(part)
            half = max(width(text, _TEXT[style][0]) for text, style in lines) / 2 + 11
            least = 0 if role(self.layers[part.layers[0]]) == "merge" else _TALL  # so that neighbours are aligned
            return Extent(half, half, max(least, sum(_TEXT[style][1] for _, style in lines) + 11))
        if isinstance(part, Tangle):
            return self._measure_tangle(part)
        inner = [self._measure_branch(branch, times) for branch, times in self._branches(part)]
        offsets = _offsets(inner)
        left = inner[0].left - offsets[0]
        right = offsets[-1] + inner[-1].right + (ASIDE if part.shortcut else 0)
        height = 2 * _SPLIT + max(extent.height for extent in inner)
        if part.merge:
            merge = self._measure_merge(part, offsets)
            left, right = max(left, merge.left), max(right, merge.right + (ASIDE if part.shortcut else 0))
            height += merge.height
        return Extent(left, right, height)

    def measure_series(self, parts: Sequence[Part]) -> Extent:
        """The space that parts below each other take."""
        inner = [self.measure(part) for part in parts]
        height = sum(extent.height for extent in inner) + GAP * (len(parts) - 1)
        return Extent(max(extent.left for extent in inner), max(extent.right for extent in inner), height)

    def draw(self, part: Part, x: float, y: float) -> None:
        """Draw a part around the axis x from y downward."""
        if isinstance(part, Box):
            self._draw_box(part, x, y, self.measure(part))
        elif isinstance(part, Tangle):
            self._draw_tangle(part, x, y)
        else:
            self._draw_parallel(part, x, y)

    def draw_series(self, parts: Sequence[Part], x: float, y: float) -> None:
        """Draw parts below each other, with lines between."""
        for i, part in enumerate(parts):
            if i:
                self.line([(x, y - GAP), (x, y)], arrow=isinstance(part, Box))
            self.draw(part, x, y)
            y += self.measure(part).height + GAP

    def line(self, points: Sequence[Point], arrow: bool = False, style: str = "line") -> None:
        """A line through points, with round corners."""
        self.lines.append({"path": path(points), "arrow": arrow, "style": style})

    def _texts(self, box: Box) -> list[tuple[str, str]]:
        """A box's lines of text with their styles: the layers before the working layer, that layer, those after it."""
        layers = [self.layers[i] for i in box.layers]
        at = work(layers)
        if at is None:
            return [(", ".join(map(words, layers)), "work")]
        before, after = map(words, layers[:at]), map(words, layers[at + 1 :])
        lines = [
            (", ".join(before), ""),
            (words(layers[at]), "work"),
            (", ".join(filter(None, [fused(layers[at]), *after])), ""),
        ]
        return [line for line in lines if line[0]]

    def _draw_box(self, box: Box, x: float, y: float, extent: Extent) -> None:
        layers = [self.layers[i] for i in box.layers]
        top, texts = y + (extent.height - sum(_TEXT[style][1] for _, style in self._texts(box))) / 2, []
        for text, style in self._texts(box):
            size, height = _TEXT[style]
            texts.append({"text": text, "style": style, "x": _px(x), "y": _px(top + height / 2 + size * 0.35)})
            top += height
        self.boxes.append(
            {
                "x": _px(x - extent.left),
                "y": _px(y),
                "width": _px(extent.left + extent.right),
                "height": _px(extent.height),
                "role": role(layers[work(layers) or 0]),
                "names": ", ".join(layer.name for layer in layers),
                "texts": texts,
            }
        )
        middle = y + extent.height / 2
        self.sides |= dict.fromkeys(box.layers, ((x - extent.left, middle), (x + extent.right, middle)))

    def _branches(self, part: Parallel) -> list[tuple[tuple[Part, ...], int]]:
        return alike(part, self.layers, self.apart)

    def _measure_branch(self, branch: Sequence[Part], times: int) -> Extent:
        left, right, height = self.measure_series(branch)
        return Extent(left, right + (_TIMES + ASIDE / 2 if times > 1 else 0), height)

    def _measure_merge(self, part: Parallel, offsets: Sequence[float]) -> Extent:
        """A concatenation spans its branches; a sum is as wide as its text."""
        assert part.merge is not None
        plain = self.measure(part.merge)
        if kind(self.layers[part.merge.layers[0]].operation) != "Concatenate":
            return plain
        return Extent(max(plain.left, 16 - offsets[0]), max(plain.right, 16 + offsets[-1]), plain.height)

    def _draw_parallel(self, part: Parallel, x: float, y: float) -> None:
        inner = [self._measure_branch(branch, times) for branch, times in self._branches(part)]
        offsets, tallest = _offsets(inner), max(extent.height for extent in inner)
        merge = self._measure_merge(part, offsets) if part.merge else Extent(0, 0, 0)
        end = y + 2 * _SPLIT + tallest
        for (branch, times), extent, offset in zip(self._branches(part), inner, offsets, strict=True):
            axis, top = x + offset, y + _SPLIT + (tallest - extent.height) / 2
            if any(part.split in self.layers[i].inputs for i in layers_of(branch)):
                split = [(x, y), (x, y + _BEND), (axis, y + _BEND), (axis, top)]
                self.line(split, arrow=isinstance(branch[0], Box))
            self.draw_series(branch, axis, top)
            if times > 1:
                at = {"x": _px(axis + extent.right - _TIMES), "y": _px(top + extent.height / 2 + 5.5)}
                self.times.append({"text": f"× {times}", "style": "times", "anchor": "start", **at})
            self._enter(part, (axis, top + extent.height), x, end, merge)
        if part.shortcut:
            axis = x + max(offsets[-1] + inner[-1].right, merge.right) + ASIDE
            self.line([(x, y), (x, y + _BEND), (axis, y + _BEND), (axis, y + _SPLIT)])
            self._enter(part, (axis, y + _SPLIT), x, end, merge)
        if part.merge:
            self._draw_box(part.merge, x, end, merge)

    def _enter(self, part: Parallel, start: Point, x: float, end: float, merge: Extent) -> None:
        """Draw a line from the foot of a branch to the merge: from above, or from the side if the merge is narrower."""
        axis, _ = start
        if not part.merge:
            self.line([start, (axis, end - _BEND), (x, end - _BEND), (x, end)])
        elif x - merge.left + 8 <= axis <= x + merge.right - 8:
            self.line([start, (axis, end)], arrow=True)
        else:
            middle = end + merge.height / 2
            self.line([start, (axis, middle), (x + (merge.right if axis > x else -merge.left), middle)], arrow=True)

    def _measure_tangle(self, part: Tangle) -> Extent:
        boxes = [self.measure(box) for box in (*part.boxes, *([part.merge] if part.merge else []))]
        half = max(extent.left for extent in boxes)
        lanes = 1 + max(_lanes(part).values(), default=-1)
        height = _SPLIT + sum(extent.height + GAP for extent in boxes) + (-GAP if part.merge else _BEND)
        return Extent(half, half + ASIDE + _LANE * lanes, height)

    def _draw_tangle(self, part: Tangle, x: float, y: float) -> None:
        """Draw boxes below each other; edges that skip a box go along their source's lane on the right."""
        boxes = [*part.boxes, *([part.merge] if part.merge else [])]
        extents = [self.measure(box) for box in boxes]
        half, lanes = max(extent.left for extent in extents), _lanes(part)
        tops = [y + _SPLIT]
        for extent in extents:
            tops.append(tops[-1] + extent.height + GAP)
        bottom = y + self._measure_tangle(part).height
        for start, end in part.edges:
            foot = (x, y) if start < 0 else (x, tops[start] + extents[start].height)
            into = (x, tops[end]) if end < len(boxes) else (x, bottom)
            if end == start + 1:
                self.line([foot, into], arrow=end < len(boxes))
                continue
            lane = x + half + ASIDE + _LANE * lanes[start]
            away: list[Point] = [(x, y), (x, y + _BEND)]
            if start >= 0:
                away = [(x + extents[start].right, tops[start] + extents[start].height * 0.7)]
            side = (x, bottom - _BEND)
            if end < len(boxes):
                side = (x + extents[end].right, tops[end] + extents[end].height * 0.3)
            self.line([*away, (lane, away[-1][1]), (lane, side[1]), side], arrow=end < len(boxes))
        for box, top, extent in zip(boxes, tops, extents, strict=False):
            self._draw_box(box, x, top, extent)


def _lanes(part: Tangle) -> dict[int, int]:
    """A lane for each source whose edges skip a box; lanes are reused further down."""
    last: dict[int, int] = {}
    for start, end in part.edges:
        if end > start + 1:
            last[start] = max(end, last.get(start, end))
    taken: list[int] = []  # the end of each lane
    lanes = {}
    for start, end in sorted(last.items()):
        free = next((lane for lane, until in enumerate(taken) if until <= start), len(taken))
        taken[free:free + 1] = [end]  # fmt: skip
        lanes[start] = free
    return lanes


def _offsets(inner: Sequence[Extent]) -> list[float]:
    """The branches' axes relative to the axis of the block: its middle, or the branch nearest to the middle."""
    axes = [inner[0].left]
    for one, other in itertools.pairwise(inner):
        axes.append(axes[-1] + one.right + ASIDE + other.left)
    middle = (axes[-1] + inner[-1].right) / 2
    nearest = min(axes, key=lambda axis: abs(axis - middle))
    middle = nearest if abs(nearest - middle) < ASIDE or len(axes) == 1 else middle
    return [axis - middle for axis in axes]


def path(points: Sequence[Point]) -> str:
    """An SVG path through points at right angles, with rounded corners."""
    corners = [p for i, p in enumerate(points) if i == 0 or p != points[i - 1]]
    commands = [f"M{_px(corners[0][0])} {_px(corners[0][1])}"]
    for (ax, ay), (bx, by), (cx, cy) in zip(corners, corners[1:], corners[2:], strict=False):
        before, after = abs(bx - ax) + abs(by - ay), abs(cx - bx) + abs(cy - by)
        r = min(_ROUND, before / 2, after / 2)
        start = (bx - r * (bx - ax) / before, by - r * (by - ay) / before)
        end = (bx + r * (cx - bx) / after, by + r * (cy - by) / after)
        commands.append(f"L{_px(start[0])} {_px(start[1])}Q{_px(bx)} {_px(by)} {_px(end[0])} {_px(end[1])}")
    return " ".join([*commands, f"L{_px(corners[-1][0])} {_px(corners[-1][1])}"])


def width(text: str, size: float) -> float:
    """The approximate width of a text in Helvetica, rather too large than too small."""
    return size * sum(
        0.32 if c in " .,:;|/'ijl()[]" else 0.9 if c in "mwMW" else 0.7 if c.isupper() else 0.58 for c in text
    )


def _px(length: float) -> str:
    return f"{length:.1f}".removesuffix(".0")
