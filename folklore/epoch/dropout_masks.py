"""Random numbers for dropout that cost next to nothing inside a compiled epoch.

Keras draws masks with TensorFlow's Philox generator, which XLA computes on a CPU many times slower than the rest of a
small network. Here a mask is a hash of the position of each number and of the layer's seed and draw: a handful of
integer operations that XLA fuses with the layer's own. They are the same numbers in every mode.

The hash is that of Chris Wellons ("Prospecting for Hash Functions", 2018: lowbias32), applied twice, with one half of
the key before each: the numbers of two draws are then no rearrangement of one another, as they would be with one round.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np

from folklore.keras_internals import draw_seed, random_functions

_STEP = np.uint32(0x9E3779B9)  # 2**32 / golden ratio: keys of successive draws lie far apart


@contextlib.contextmanager
def counted() -> Iterator[None]:
    """Within, Keras' layers draw uniform and normal numbers and dropout masks from the functions of this module.

    A layer's own generator still gives seed and draw, and advances as always. What is traced within keeps them.
    Initializers, which are given a plain int for a seed, draw as without.
    """
    ours: dict[str, Callable[..., Any]] = {"uniform": uniform, "normal": normal, "dropout": dropout}
    # Keras has no place to set a generator: its layers look these functions up in its backend's module.
    theirs = {name: getattr(random_functions, name) for name in ours}
    try:
        for name, function in ours.items():
            setattr(random_functions, name, _unless_fixed(function, theirs[name]))
        yield
    finally:
        for name, function in theirs.items():
            setattr(random_functions, name, function)


def bits(shape: Sequence[Any], seed: Any) -> Any:
    """uint32 tensor of `shape`, each bit 0 or 1 alike: a function of shape and seed alone.

    Args:
        shape: of ints or scalar tensors; fewer than 2**32 numbers in all.
        seed: integer tensor (2,): the generator's seed, and the number of the draw.
    """
    first, draw = keras.ops.unstack(keras.ops.cast(seed, "uint32"))
    key = _hash(keras.ops.add(first, _STEP))
    other_key = _hash(keras.ops.add(keras.ops.multiply(draw, _STEP), key))
    size = keras.ops.prod(keras.ops.stack([keras.ops.cast(extent, "int32") for extent in shape])) if shape else 1
    positions = keras.ops.reshape(keras.ops.cast(keras.ops.arange(size, dtype="int32"), "uint32"), shape)
    return _hash(keras.ops.bitwise_xor(_hash(keras.ops.add(positions, key)), other_key))


def uniform(shape: Sequence[Any], minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Float tensor of `shape`, uniform in [minval, maxval), in steps of 2**-24 of the range."""
    drawn = keras.ops.multiply(_fraction(shape, seed), maxval - minval) + minval
    return keras.ops.cast(drawn, dtype or keras.config.floatx())


def normal(shape: Sequence[Any], mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Float tensor of `shape`, normal, by the inverse of the distribution function; nothing lies beyond 5.4 stddev."""
    middle = _fraction(shape, seed) * 2 - (1 - 2.0**-24)  # in the middle of each step, so that -1 and 1 are not met
    drawn = keras.ops.erfinv(middle) * np.float32(np.sqrt(2)) * stddev + mean
    return keras.ops.cast(drawn, dtype or keras.config.floatx())


def dropout(inputs: Any, rate: float, noise_shape: Sequence[Any] | None = None, seed: Any = None) -> Any:
    """`inputs` with a share `rate` set to zero and the others divided by `1 - rate` (Srivastava et al. 2014).

    Args:
        inputs: float tensor of any shape.
        rate: from 0 to 1. A seed generator with a `rate` of its own, a variable, has that in its place wherever this is
            above 0, so that one compiled program serves every rate.
        noise_shape: of the mask, where values share their fate; None stands for the extent of `inputs`.
        seed: a `keras.random.SeedGenerator`, or an int.
    """
    if rate == 0:
        return inputs
    if rate == 1:
        return keras.ops.zeros_like(inputs)
    extents = keras.ops.shape(inputs)
    given = noise_shape or [None] * len(extents)
    shape = [extent if wanted is None else wanted for extent, wanted in zip(extents, given, strict=True)]
    share = keras.ops.convert_to_tensor(getattr(seed, "rate", rate), "float32")
    keep = keras.ops.greater_equal(bits(shape, draw_seed(seed)), keras.ops.cast(share * 2.0**32, "uint32"))
    return keras.ops.where(keep, inputs / keras.ops.cast(1 - share, inputs.dtype), keras.ops.zeros((), inputs.dtype))


def _unless_fixed(ours: Callable[..., Any], theirs: Callable[..., Any]) -> Callable[..., Any]:
    def draw(*arguments: Any, seed: Any = None, **options: Any) -> Any:
        return (theirs if isinstance(seed, int) else ours)(*arguments, seed=seed, **options)

    return draw


def _fraction(shape: Sequence[Any], seed: Any) -> Any:
    """float32 multiples of 2**-24 from 0 to below 1, which float32 holds exactly."""
    return keras.ops.cast(keras.ops.right_shift(bits(shape, draw_seed(seed)), np.uint32(8)), "float32") * 2.0**-24


def _hash(x: Any) -> Any:
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = keras.ops.multiply(keras.ops.bitwise_xor(x, keras.ops.right_shift(x, np.uint32(shift))), np.uint32(factor))
    return keras.ops.bitwise_xor(x, keras.ops.right_shift(x, np.uint32(16)))
