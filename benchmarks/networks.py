"""The parameters of the published networks as built here, against the papers and a reference implementation.

python -m benchmarks.networks
"""

from __future__ import annotations

import keras

from models import PUBLISHED


def main() -> None:
    """Build every network and print a table in Markdown."""
    print("| network | the paper says | reference | built | which reference |")
    print("| --- | --- | --- | --- | --- |")
    for name, network in PUBLISHED.items():
        # Zeros are fast; a hundred million random numbers take seconds.
        model = network.build(network.input_shape, network.outputs, **{**network.params, "initializer": "zeros"})
        built = sum(int(keras.ops.size(weight)) for weight in model.trainable_weights)
        print(f"| `{name}` | {network.paper} | {network.parameters:,} | {built:,} | {network.reference} |")


if __name__ == "__main__":
    main()
