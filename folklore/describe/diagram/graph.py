"""The structure of a network, from its graph only: boxes in a row, blocks of parallel branches, side heads."""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from folklore.describe.anatomy import Layer
from folklore.describe.diagram.labels import fused, joins, words
from folklore.describe.receptive_field import kind


@dataclass(frozen=True)
class Box:
    """A chain of layers, by index, that is drawn as one box."""

    layers: tuple[int, ...]


@dataclass(frozen=True)
class Parallel:
    """Branches between a split and a merge.

    Attributes:
        branches: a series of parts each.
        shortcut: whether the split's output also goes directly to the merge.
        merge: the end of the branches; None if they end in the merge of the enclosing block.
        split: the layer whose output they take; None if they start with their own inputs.
    """

    branches: tuple[tuple[Part, ...], ...]
    shortcut: bool
    merge: Box | None
    split: int | None


@dataclass(frozen=True)
class Tangle:
    """Boxes between two cuts whose connections do not form branches; `edges` are (from, to) among them.

    -1 stands for the input of the tangle, `len(boxes)` for its merge.
    """

    boxes: tuple[Box, ...]
    edges: tuple[tuple[int, int], ...]
    merge: Box | None


Part: TypeAlias = Box | Parallel | Tangle


@dataclass(frozen=True)
class Head:
    """Parts that do not lead to the first output.

    Attributes:
        parts: one after the other.
        start: the last layer of the trunk whose output they take; None if they take none.
        also: their other connections from the trunk, as (from, to).
    """

    parts: tuple[Part, ...]
    start: int | None
    also: tuple[tuple[int, int], ...]


class Graph:
    """A model's graph, divided at its cuts: layers that lie on every path to the first output."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = layers
        self.before = [set(layer.inputs) for layer in layers]
        self.after = [{later for later in range(len(layers)) if i in self.before[later]} for i in range(len(layers))]
        self.trunk = sorted(self._reached(i for i, layer in enumerate(layers) if layer.output == 0))

    def parts(self) -> tuple[Part, ...]:
        """The parts that lead to the first output."""
        return self._series(self.trunk, None, None)

    def heads(self) -> list[Head]:
        """The parts that do not lead to the first output."""
        others = set(range(len(self.layers))) - set(self.trunk)
        found = []
        for nodes in self._components(others):
            taken = [(i, node) for node in nodes for i in self.before[node] if i not in nodes]
            start = max((i for i, _ in taken), default=None)
            also = tuple(sorted((i, node) for i, node in taken if i != start))
            found.append(Head(self._series(nodes, start, None), start, also))
        return sorted(found, key=lambda head: -1 if head.start is None else head.start)

    def _reached(self, nodes: Iterable[int]) -> set[int]:
        found, waiting = set(), list(nodes)
        while waiting:
            if (node := waiting.pop()) not in found:
                found.add(node)
                waiting.extend(self.before[node])
        return found

    def _components(self, nodes: Iterable[int]) -> list[list[int]]:
        """The connected components of the nodes, each sorted."""
        left, found = set(nodes), []
        while left:
            group, waiting = set(), [min(left)]
            while waiting:
                if (node := waiting.pop()) not in group:
                    group.add(node)
                    waiting.extend((self.before[node] | self.after[node]) & left)
            left -= group
            found.append(sorted(group))
        return found

    def _series(self, nodes: Sequence[int], source: int | None, sink: int | None) -> tuple[Part, ...]:
        """The nodes between a source and a sink, both excluded, as parts that follow each other."""
        parts: list[Part] = []
        start, last = 0, source
        for place in self._cuts(nodes, source, sink):
            cut = nodes[place]
            if region := nodes[start:place]:
                parts.append(self._region(region, last, cut, Box((cut,))))
            else:
                self._append(parts, cut)
            start, last = place + 1, cut
        if region := nodes[start:]:
            parts.append(self._region(region, last, sink, None, whole=start == 0))
        return tuple(parts)

    def _cuts(self, nodes: Sequence[int], source: int | None, sink: int | None) -> Iterator[int]:
        """The places in `nodes` that no edge skips. Nodes are sorted, and edges go from lower to higher."""
        place = {node: i for i, node in enumerate(nodes)}
        # Connections of a head from elsewhere than its source do not count.
        farthest = max(
            i for i, node in enumerate(nodes) if source in self.before[node] or not self.before[node] & place.keys()
        )
        for i, node in enumerate(nodes):
            if farthest <= i:
                yield i
            inner = [place[later] for later in self.after[node] if later in place]
            leaves = sink in self.after[node] or not inner
            farthest = max([farthest, *inner, *([len(nodes)] if leaves else [])])

    def _region(
        self, nodes: Sequence[int], split: int | None, end: int | None, merge: Box | None, whole: bool = False
    ) -> Part:
        """The nodes between two neighbouring cuts. `whole`: they are a whole branch; a shortcut is not part of it."""
        shortcut = split is not None and end in self.after[split] and not whole
        groups = self._components(nodes)
        if len(groups) == 1 and not (shortcut and list(self._cuts(nodes, split, end))):
            return self._tangle(nodes, split, end, merge, shortcut)
        if end is not None:
            order = {node: i for i, node in reversed(list(enumerate(self.layers[end].inputs)))}
            groups.sort(key=lambda group: min(order.get(node, len(order)) for node in group))
        return Parallel(tuple(self._series(group, split, end) for group in groups), shortcut, merge, split)

    def _tangle(
        self, nodes: Sequence[int], split: int | None, end: int | None, merge: Box | None, shortcut: bool
    ) -> Tangle:
        boxes: list[Box] = []
        for node in nodes:
            ends = [i for i, box in enumerate(boxes) if self._joins(box, node)]
            if ends:
                boxes[ends[0]] = Box((*boxes[ends[0]].layers, node))
            else:
                boxes.append(Box((node,)))
        home = {node: i for i, box in enumerate(boxes) for node in box.layers}
        home |= {} if split is None else {split: -1}
        edges = {(home[i], home[node]) for node in nodes for i in self.before[node] if i in home}
        edges |= {(home[node], len(boxes)) for node in nodes if end in self.after[node]}
        if shortcut:
            edges.add((-1, len(boxes)))
        return Tangle(tuple(boxes), tuple(sorted((a, b) for a, b in edges if a != b)), merge)

    def _append(self, parts: list[Part], node: int) -> None:
        """Append a node: to the last box if it belongs there, otherwise as a new box."""
        last = parts[-1] if parts else None
        if isinstance(last, Box) and self._joins(last, node):
            parts[-1] = Box((*last.layers, node))
        elif isinstance(last, Parallel | Tangle) and last.merge is not None and self._joins(last.merge, node):
            parts[-1] = replace(last, merge=Box((*last.merge.layers, node)))
        else:
            parts.append(Box((node,)))

    def _joins(self, box: Box, node: int) -> bool:
        last = box.layers[-1]
        only = self.before[node] == {last} and self.after[last] == {node} and self.layers[last].output is None
        return only and joins([self.layers[i] for i in box.layers], self.layers[node])


def layers_of(parts: Iterable[Part]) -> Iterator[int]:
    """The indices of all layers in some parts."""
    for part in parts:
        if isinstance(part, Box):
            yield from part.layers
            continue
        inside = part.boxes if isinstance(part, Tangle) else [inner for branch in part.branches for inner in branch]
        yield from layers_of(inside)
        yield from layers_of([part.merge] if part.merge else [])


@dataclass(frozen=True)
class Repetition:
    """Equal parts that follow each other, drawn once.

    Attributes:
        parts: equal except for names; blocks that concatenate their own input, as in DenseNet, may differ in channels.
    """

    parts: tuple[Part, ...]


def repetitions(parts: Iterable[Part], layers: Sequence[Layer], apart: Container[int]) -> list[Repetition]:
    """Parts in a row, equal ones grouped. Parts with one of the layers `apart`, where heads start, stay separate."""

    def key(part: Part) -> object:
        stays = any(i in apart or layers[i].output for i in layers_of([part]))  # output 0 ends the row
        return part if stays else signature(part, layers)

    return [Repetition(tuple(equal)) for _, equal in itertools.groupby(parts, key)]


def alike(block: Parallel, layers: Sequence[Layer], apart: Container[int]) -> list[tuple[tuple[Part, ...], int]]:
    """The branches of a block that are drawn, each with the number of branches for which it stands.

    Three or more in a row that look the same are drawn once: they may differ in names and in the channels that they
    take, as the maps of LeNet-5's third layer do. Branches with one of the layers `apart`, where heads start, stay
    separate.
    """

    def key(branch: tuple[Part, ...]) -> object:
        inside = list(layers_of(branch))
        if any(i in apart or layers[i].output for i in inside):
            return inside
        return [signature(part, layers, sizes=False) for part in branch], block.split in layers[inside[0]].inputs

    found: list[tuple[tuple[Part, ...], int]] = []
    for _, equal in itertools.groupby(block.branches, key):
        branches = list(equal)
        found += [(branches[0], len(branches))] if len(branches) > 2 else [(branch, 1) for branch in branches]
    return found


def signature(part: Part, layers: Sequence[Layer], sizes: bool = True) -> object:
    """A key that is equal for parts that differ only in names, or without `sizes` in channels too."""
    merge = part.merge if isinstance(part, Parallel) and part.shortcut else None
    grows = merge is not None and kind(layers[merge.layers[0]].operation) == "Concatenate"

    def of(part: Part | None) -> object:
        if part is None or isinstance(part, Box):
            return [_looks(layers[i], sizes and not grows) for i in (part.layers if part else ())]
        if isinstance(part, Tangle):
            return [[of(box) for box in part.boxes], part.edges, of(part.merge)]
        return [[[of(inner) for inner in branch] for branch in part.branches], part.shortcut, of(part.merge)]

    return of(part)


def _looks(layer: Layer, sizes: bool) -> object:
    said = (words(layer), fused(layer))
    return (*said, layer.output_shape, layer.parameters) if sizes else (*said, layer.output_shape[:-1])


def last_box(part: Part) -> Box:
    """The box in which a part ends; for branches without a merge, the last branch's."""
    if isinstance(part, Box):
        return part
    if part.merge is not None:
        return part.merge
    return part.boxes[-1] if isinstance(part, Tangle) else last_box(part.branches[-1][-1])
