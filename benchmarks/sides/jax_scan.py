"""A hand-written JAX loop: the whole epoch in one `lax.scan`, Adam by hand. Dense networks only.

Optional: `pip install jax`. A specialist would write it for these networks; it is the standard for the compiled epoch.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.works import Work

_SELU_LIMIT = -1.7580993408473766


class Side:
    """Trains with one call per epoch."""

    def __init__(self, work: Work) -> None:
        self.work = work
        x, y = work.data()
        self.x, self.y = jnp.asarray(x.reshape(len(x), -1)), jnp.asarray(y)
        parameters = _parameters(work, self.x.shape[1])
        first, second = (jax.tree.map(jnp.zeros_like, parameters) for _ in range(2))
        self.state = (parameters, _moving(work), first, second, jnp.zeros((), jnp.int32), jax.random.key(0))
        self.epoch = jax.jit(functools.partial(_epoch, work), donate_argnums=0)
        self.rng = np.random.default_rng(0)

    def train(self, epochs: int) -> None:
        """Train `epochs` epochs."""
        for _ in range(epochs):
            order = self.rng.permutation(len(self.x)).astype(np.int32)
            self.state, results = self.epoch(self.state, self.x, self.y, order)
            float(results[0]), float(results[1])


def _parameters(work: Work, features: int) -> list[tuple[Any, ...]]:
    rng, parameters = np.random.default_rng(0), []
    for kind, *numbers in (*work.layers, ("dense", work.outputs)):
        if kind == "dense":
            kernel = rng.standard_normal((features, numbers[0])) / np.sqrt(features)
            parameters.append((jnp.asarray(kernel, jnp.float32), jnp.zeros(numbers[0])))
            features = numbers[0]
        elif kind == "bn":
            parameters.append((jnp.ones(features), jnp.zeros(features)))
    return parameters


def _moving(work: Work) -> list[tuple[Any, Any]]:
    widths = [numbers[0] for kind, *numbers in work.layers if kind == "dense"]
    return [(jnp.zeros(width), jnp.ones(width)) for width in widths if ("bn",) in work.layers]


def _forward(work: Work, parameters: Any, moving: Any, key: Any, x: Any) -> tuple[Any, Any]:
    weights, old, new = iter(parameters), iter(moving), []
    for kind, *numbers in (*work.layers, ("dense", work.outputs)):
        match kind:
            case "dense":
                kernel, bias = next(weights)
                x = x @ kernel + bias
            case "bn":
                scale, offset = next(weights)
                mean, variance = x.mean(0), x.var(0)
                x = (x - mean) * lax.rsqrt(variance + 1e-3) * scale + offset
                old_mean, old_variance = next(old)
                new.append((old_mean * 0.99 + mean * 0.01, old_variance * 0.99 + variance * 0.01))
            case "relu":
                x = jax.nn.relu(x)
            case "selu":
                x = jax.nn.selu(x)
            case "dropout":
                key, mine = jax.random.split(key)
                x = jnp.where(jax.random.bernoulli(mine, 1 - numbers[0], x.shape), x / (1 - numbers[0]), 0)
            case "alpha_dropout":
                key, mine = jax.random.split(key)
                rate = numbers[0]
                a = ((1 - rate) * (1 + rate * _SELU_LIMIT**2)) ** -0.5
                kept = jnp.where(jax.random.bernoulli(mine, 1 - rate, x.shape), x, _SELU_LIMIT)
                x = a * kept - a * _SELU_LIMIT * rate
    return x, new


def _step(work: Work, x: Any, y: Any, carry: Any, index: Any) -> tuple[Any, None]:
    (parameters, moving, first, second, count, key), sums = carry
    key, mine = jax.random.split(key)
    x, y = x[index], y[index]

    def loss_of(parameters: Any) -> tuple[Any, Any]:
        outputs, new = _forward(work, parameters, moving, mine, x)
        if work.outputs == 1:
            errors = outputs[:, 0] - y
            return jnp.mean(errors**2), (jnp.sum(jnp.abs(errors)), new)
        losses = -jnp.take_along_axis(jax.nn.log_softmax(outputs), y[:, None], axis=1)
        return losses.mean(), (jnp.sum(outputs.argmax(1) == y).astype(jnp.float32), new)

    (loss, (metric, moving)), gradients = jax.value_and_grad(loss_of, has_aux=True)(parameters)
    count += 1
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradients)
    second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradients)
    rate = 0.001 * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
    parameters = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-7), parameters, first, second)
    sums = (sums[0] + loss * len(index), sums[1] + metric)
    return ((parameters, moving, first, second, count, key), sums), None


def _epoch(work: Work, state: Any, x: Any, y: Any, order: Any) -> tuple[Any, Any]:
    full = len(order) // work.batch * work.batch
    step = functools.partial(_step, work, x, y)
    carry, _ = lax.scan(step, (state, (jnp.zeros(()), jnp.zeros(()))), order[:full].reshape(-1, work.batch))
    if full < len(order):
        carry, _ = step(carry, order[full:])
    state, sums = carry
    return state, (sums[0] / len(order), sums[1] / len(order))
