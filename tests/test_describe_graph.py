"""Random graphs: their parts together hold each layer and each edge exactly once."""

import itertools
import random
import xml.etree.ElementTree as ElementTree

import pytest

from folklore.describe.anatomy import Layer
from folklore.describe.diagram.graph import Box, Graph, Tangle, layers_of
from folklore.describe.diagram.svg import diagram


def layer(number, inputs, output):
    return Layer(f"layer_{number}", "Any", (3,), 0, 0, None, (None, None), 3, 0, 12, inputs, output, object())


def random_layers(seed):
    """A few layers that each take one or two of the layers just before them; layers without successor are outputs."""
    random_numbers = random.Random(seed)
    inputs = [()]
    for number in range(1, random_numbers.randint(3, 14)):
        near = range(max(0, number - random_numbers.choice([2, 3, 6])), number)
        inputs.append(tuple(random_numbers.sample(near, min(len(near), random_numbers.choice([1, 1, 2])))))
    ends = [number for number in reversed(range(len(inputs))) if number not in itertools.chain(*inputs)]
    ends = ends[:: random_numbers.choice([1, -1])]
    return [layer(i, given, ends.index(i) if i in ends else None) for i, given in enumerate(inputs)]


def edges(parts, entering, layers):
    """The edges drawn by parts in series, and the layers whose outputs leave them."""
    found = set()
    for part in parts:
        inner, entering = edges_of(part, entering, layers)
        found |= inner
    return found, entering


def edges_of(part, entering, layers):
    if isinstance(part, Box):
        chain = set(itertools.pairwise(part.layers))
        return chain | {(i, part.layers[0]) for i in entering}, {part.layers[-1]}
    found, leaving = set(), set()
    if isinstance(part, Tangle):
        into = {i: {start for start, end in part.edges if end == i} for i in range(len(part.boxes) + 1)}
        outputs = {-1: entering}
        for i, box in enumerate(part.boxes):
            inner, outputs[i] = edges_of(box, set().union(*(outputs[start] for start in into[i])), layers)
            found |= inner
        leaving = set().union(*(outputs[start] for start in into[len(part.boxes)]))
    else:
        for branch in part.branches:
            split = entering if any(part.split in layers[i].inputs for i in layers_of(branch)) else set()
            inner, ends = edges(branch, split, layers)
            found, leaving = found | inner, leaving | ends
        leaving |= entering if part.shortcut else set()
    if part.merge is None:
        return found, leaving
    inner, leaving = edges_of(part.merge, leaving, layers)
    return found | inner, leaving


@pytest.mark.parametrize("seed", range(60))
def test_parts_make_up_graph(seed):
    layers = random_layers(seed)
    graph = Graph(layers)
    found, _ = edges(graph.parts(), set(), layers)
    drawn = list(layers_of(graph.parts()))
    for head in graph.heads():
        inner, _ = edges(head.parts, set() if head.start is None else {head.start}, layers)
        found |= inner | set(head.also)
        drawn += layers_of(head.parts)
    assert found == {(i, number) for number, layer in enumerate(layers) for i in layer.inputs}
    assert sorted(drawn) == list(range(len(layers)))
    ElementTree.fromstring(diagram("any", layers))
