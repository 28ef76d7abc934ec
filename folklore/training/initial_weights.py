"""First weights and dropout masks that depend only on the seed and on shapes, so that arms are paired.

Keras draws initial weights one after another from one global stream: with one more dropout layer, every weight behind
it differs. Here each weight's draw is named by its role, its shape and its rank among those of that role and shape.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import keras

from folklore.keras_internals import all_layers, own_variables


def seed_weights(model: keras.Model, seed: int) -> None:
    """Draw the random initial weights and set the dropout generators of a freshly built model from `seed`.

    Seed k means the same first weights in every arm where shapes agree; initializers of one family differ only in
    scale. Constant initial weights (biases, batch normalisation) stay as built, and so do those of layers that say that
    they are `pretrained`.
    """
    seen: Counter[tuple[Any, ...]] = Counter()
    for layer in all_layers(model):
        own = [] if getattr(layer, "pretrained", False) else own_variables(layer)
        for variable in own:
            initializer = _initializer(layer, variable.name)
            config: dict[str, Any] = initializer.get_config() if initializer is not None else {}
            if initializer is not None and "seed" in config:
                drawn = type(initializer).from_config(config | {"seed": _next_seed(seen, seed, variable)})
                variable.assign(drawn(variable.shape, dtype=variable.dtype))
        if isinstance(getattr(layer, "seed_generator", None), keras.random.SeedGenerator):
            layer.seed_generator.state.assign([_next_seed(seen, seed, layer.seed_generator.state), 0])


def _initializer(layer: keras.layers.Layer, variable: str) -> Any:
    """The initializer of one of a layer's weights: `kernel_initializer` of the kernel, and so on.

    Keras drops "kernel" from the names of a recurrent layer's `recurrent_kernel` and of a separable convolution's
    kernels, and calls that of a depthwise convolution's `kernel` "depthwise".
    """
    for name in (variable, variable.removesuffix("_kernel"), "depthwise"):
        if (initializer := getattr(layer, f"{name}_initializer", None)) is not None:
            return initializer
    return None


def _next_seed(seen: Counter[tuple[Any, ...]], seed: int, variable: keras.Variable) -> int:
    role = (variable.name, tuple(variable.shape))
    seen[role] += 1
    digest = hashlib.sha256(repr((seed, role, seen[role])).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1  # Keras takes non-negative int32
