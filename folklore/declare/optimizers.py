"""The names and options of Keras' optimizers, so that a misspelt one is refused without importing TensorFlow.

A test compares this table with the signatures of the installed Keras.
"""

from __future__ import annotations

COMMON = (
    "learning_rate", "weight_decay", "clipnorm", "clipvalue", "global_clipnorm",
    "use_ema", "ema_momentum", "ema_overwrite_frequency", "gradient_accumulation_steps",
)  # fmt: skip
OPTIMIZERS: dict[str, tuple[str, ...]] = {
    "sgd": (*COMMON, "momentum", "nesterov"),
    "rmsprop": (*COMMON, "rho", "momentum", "epsilon", "centered"),
    "adagrad": (*COMMON, "initial_accumulator_value", "epsilon"),
    "adadelta": (*COMMON, "rho", "epsilon"),
    "adam": (*COMMON, "beta_1", "beta_2", "epsilon", "amsgrad"),
    "adamw": (*COMMON, "beta_1", "beta_2", "epsilon", "amsgrad"),
    "adamax": (*COMMON, "beta_1", "beta_2", "epsilon"),
    "nadam": (*COMMON, "beta_1", "beta_2", "epsilon"),
    "lion": (*COMMON, "beta_1", "beta_2"),
}
