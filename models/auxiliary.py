"""Networks with further outputs that help to train them (Szegedy et al. 2015, "Going deeper with convolutions")."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable("folklore")
class WithAuxiliaries(keras.Model):
    """A functional model whose first output is its answer; the others are trained on the same targets, then dropped.

    In training, the compiled loss of each auxiliary output is added, times `auxiliary_weight`. Metrics,
    evaluation and prediction use only the answer.

    Args:
        inputs, outputs: as of a functional `keras.Model`; outputs are a list, the answer first.
    """

    auxiliary_weight = 0.3

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """All outputs in training, otherwise the answer."""
        outputs = super().call(inputs, training=training, mask=mask)
        return outputs if training else outputs[0]

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The answer's loss with penalties, plus the weighted losses of the other outputs, if there are any."""
        answer, *auxiliary = y_pred if isinstance(y_pred, list | tuple) else [y_pred]
        loss = super().compute_loss(x=x, y=y, y_pred=answer, sample_weight=sample_weight, training=training)
        own = keras.losses.get(self.loss)
        return loss + sum(self.auxiliary_weight * own(y, output, sample_weight=sample_weight) for output in auxiliary)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Metrics of the answer."""
        answer = y_pred[0] if isinstance(y_pred, list | tuple) else y_pred
        return super().compute_metrics(x, y, answer, sample_weight)

    @property
    def output_shape(self) -> Any:
        """The shape of the answer."""
        return tuple(self.outputs[0].shape)

    def get_config(self) -> dict[str, Any]:
        """The network's, with the weight."""
        return super().get_config() | {"auxiliary_weight": self.auxiliary_weight}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> WithAuxiliaries:
        """The inverse of `get_config`."""
        config = dict(config)
        weight = config.pop("auxiliary_weight")
        model = super().from_config(config, custom_objects)
        model.auxiliary_weight = weight
        return model


def without_auxiliaries(model: keras.Model) -> keras.Model:
    """The network up to its answer, with the same weights, without the layers that only other outputs need."""
    return keras.Model(model.input, model.outputs[0], name=model.name) if len(model.outputs) > 1 else model
