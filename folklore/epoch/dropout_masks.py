"""Random numbers for dropout that are cheap inside a compiled epoch.

Keras draws masks with TensorFlow's Philox generator. On a CPU, XLA computes it many times slower than the rest of a
small network. Here a mask is a hash of each number's position and of the layer's seed and draw: a few integer
operations that XLA fuses with those of the layer. The numbers are the same in every mode.

The hash is lowbias32 by Chris Wellons ("Prospecting for Hash Functions", 2018), applied twice, with one half of the key
before each round. With one round only, the numbers of two draws would be permutations of each other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np

from folklore.keras_internals import draw_seed, random_functions

_STEP = np.uint32(0x9E3779B9)  # 2**32 / golden ratio: keys of successive draws are far apart


@contextlib.contextmanager
def counted() -> Iterator[None]:
    """Inside the block, Keras' layers draw uniform and normal numbers and dropout masks from this module.

    A layer's own generator still gives seed and draw, and advances as usual. Functions traced inside the block keep
    these generators. Initializers, whose seed is a plain int, draw as usual.
    """
    ours: dict[str, Callable[..., Any]] = {"uniform": uniform, "normal": normal, "dropout": dropout}
    # Keras has no setting for the generator: its layers look these functions up in its backend's module.
    theirs = {name: getattr(random_functions, name) for name in ours}
    try:
        for name, function in ours.items():
            setattr(random_functions, name, _unless_fixed(function, theirs[name]))
        yield
    finally:
        for name, function in theirs.items():
            setattr(random_functions, name, function)


def bits(shape: Sequence[Any], seed: Any) -> Any:
    """A uint32 tensor of `shape` with random bits that depend on shape and seed only.

    Args:
        shape: ints or scalar tensors; fewer than 2**32 numbers in total.
        seed: integer tensor (2,): the generator's seed, and the number of the draw.
    """
    first, draw = keras.ops.unstack(keras.ops.cast(seed, "uint32"))
    key = _hash(keras.ops.add(first, _STEP))
    other_key = _hash(keras.ops.add(keras.ops.multiply(draw, _STEP), key))
    size = keras.ops.prod(keras.ops.stack([keras.ops.cast(extent, "int32") for extent in shape])) if shape else 1
    positions = keras.ops.reshape(keras.ops.cast(keras.ops.arange(size, dtype="int32"), "uint32"), shape)
    return _hash(keras.ops.bitwise_xor(_hash(keras.ops.add(positions, key)), other_key))


def uniform(shape: Sequence[Any], minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """A float tensor of `shape`, uniform in [minval, maxval), in steps of 2**-24 of the range."""
    drawn = keras.ops.multiply(_fraction(shape, seed), maxval - minval) + minval
    return keras.ops.cast(drawn, dtype or keras.config.floatx())


def normal(shape: Sequence[Any], mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """A normal float tensor of `shape`, by the inverse distribution function; no value is beyond 5.4 stddev."""
    middle = _fraction(shape, seed) * 2 - (1 - 2.0**-24)  # the middle of each step, so that -1 and 1 never occur
    drawn = keras.ops.erfinv(middle) * np.float32(np.sqrt(2)) * stddev + mean
    return keras.ops.cast(drawn, dtype or keras.config.floatx())


def dropout(inputs: Any, rate: float, noise_shape: Sequence[Any] | None = None, seed: Any = None) -> Any:
    """`inputs` with a share `rate` set to zero and the others divided by `1 - rate` (Srivastava et al. 2014).

    Args:
        inputs: float tensor of any shape.
        rate: from 0 to 1. If it is above 0 and the seed generator has its own `rate`, a variable, that one is used, so
            that one compiled program serves every rate.
        noise_shape: the shape of the mask; along an axis of size 1, values are dropped together. None stands for the
            size of `inputs`.
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
    """float32 multiples of 2**-24 in [0, 1), which are exact in float32."""
    return keras.ops.cast(keras.ops.right_shift(bits(shape, draw_seed(seed)), np.uint32(8)), "float32") * 2.0**-24


def _hash(x: Any) -> Any:
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = keras.ops.multiply(keras.ops.bitwise_xor(x, keras.ops.right_shift(x, np.uint32(shift))), np.uint32(factor))
    return keras.ops.bitwise_xor(x, keras.ops.right_shift(x, np.uint32(16)))
