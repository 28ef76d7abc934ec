"""Scaling: learnt from the training part only, applied to all three parts, stored as plain numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from data.dataset import Dataset, Split

if TYPE_CHECKING:
    import numpy as np
    from sklearn.preprocessing import QuantileTransformer

KINDS = (
    *("standard", "minmax", "quantile", "piecewise linear", "none", "standard per pixel"),
    *("leaky standard", "leaky minmax", "leaky quantile"),
)
TARGET_KINDS = ("standard", "none")
_LEAKY = "leaky "
_OF_TABLES, _OF_IMAGES = ("quantile", "piecewise"), ("pixel",)
_BINS = 48  # of "piecewise linear"


def kinds_for(*, images: bool) -> list[str]:
    """The kinds that images, or tables, can be scaled by.

    Example:
        >>> kinds_for(images=True)
        ['standard', 'minmax', 'none', 'standard per pixel', 'leaky standard', 'leaky minmax']
    """
    return [kind for kind in KINDS if not any(word in kind for word in (_OF_TABLES if images else _OF_IMAGES))]


@dataclass(frozen=True)
class Preprocessing:
    """The scaling of inputs and regression targets. Created by `fit`, applied by `apply`.

    Attributes:
        kind: "standard" (mean 0, standard deviation 1), "minmax" (0 to 1), "quantile" (normal scores) or "none";
            "standard per pixel" for images; "piecewise linear" for tables, which gives each column as many columns as
            it has bins; "leaky …" where it was fitted before the split.
        shift: subtracted from the inputs, in their unit; one for each column or pixel, or a single one for all pixels.
        scale: divides the shifted inputs; as many as `shift`; never 0.
        quantiles: each column's quantiles at evenly spaced levels, for "quantile" and "piecewise linear", which need no
            shift and scale; for the latter each once.
        target_mean: subtracted from regression targets, in their unit; 0 where targets are not scaled.
        target_scale: divides the shifted targets: their standard deviation; 1 where targets are not scaled.

    Example:
        >>> from data import Preprocessing, diabetes
        >>> raw = diabetes(seed=0)
        >>> scaling = Preprocessing.fit("standard", raw)
        >>> scaled = scaling.apply(raw)
        >>> [round(abs(float(scaled.train.x[:, column].mean())), 4) for column in (0, 1)]
        [0.0, 0.0]
        >>> bool(abs(scaling.inverse_target(scaled.test.y) - raw.test.y).max() < 1e-3)
        True
    """

    kind: str
    shift: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    quantiles: tuple[tuple[float, ...], ...] = ()
    target_mean: float = 0.0
    target_scale: float = 1.0

    @classmethod
    def fit(cls, kind: str, dataset: Dataset, target: str = "") -> Preprocessing:
        """Learn the scaling from the training part only; "leaky …" from all parts, as a scaler does that is fitted
        before the split: the test part then flatters itself, which is what claims about it measure.

        Tables are scaled column by column. Images get one mean and standard deviation, or one minimum and maximum,
        over all pixels, or with "standard per pixel" those of each pixel. A constant column or pixel becomes 0; for
        "quantile" it becomes the lowest normal score, -5.2.

        Args:
            kind: of the inputs: one of `KINDS`. "quantile" is for tables, "standard per pixel" for images.
            dataset: the data set; only its `train` is read, unless the kind is "leaky …".
            target: of regression targets: "standard", "none", or "" for "none" where the kind is, else "standard".

        Raises:
            ValueError: `kind` or `target` is none of these, or the kind is not one for such data.
        """
        for what, given, allowed in (("preprocessing", kind, KINDS), ("target's", target, ("", *TARGET_KINDS))):
            if given not in allowed:
                import difflib

                nearest = difflib.get_close_matches(given, allowed, n=1, cutoff=0.5)
                hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
                raise ValueError(f"The {what} is {given!r}.{hint} Give one of: {', '.join(allowed)}.")
        base = kind.removeprefix(_LEAKY)
        x, y = _all_rows(dataset) if kind != base else (dataset.train.x, dataset.train.y)
        scaled: dict[str, Any] = {}
        if dataset.task == "regression" and (target or base) != "none":
            (mean,), (scale,) = _learn_from_columns("standard", y[:, None])
            scaled = {"target_mean": mean, "target_scale": scale}
        if base == "none":
            return cls(kind, **scaled)
        if base == "quantile":
            return cls(kind, quantiles=_quantiles(x), **scaled)
        if base == "piecewise linear":
            return cls(kind, quantiles=_bounds_of_bins(x), **scaled)
        if base == "standard per pixel":
            return cls(kind, *_learn_each_pixel(x), **scaled)
        learn = _learn_from_pixels if x.ndim > 2 else _learn_from_columns
        return cls(kind, *learn(base, x), **scaled)

    def apply(self, dataset: Dataset) -> Dataset:
        """The scaled data set.

        Returns:
            x float32 of the same shape; y float32 (n,) for regression, in standard deviations where targets are
            scaled, or int32 (n,) for classification. Row numbers, names and the hash of the whole set are
            unchanged.
        """
        transform = self.transform

        def scaled(part: Split) -> Split:
            return Split(transform(part.x), self._targets(part, dataset.task), part.rows)

        return replace(
            dataset,
            train=scaled(dataset.train),
            validation=scaled(dataset.validation),
            test=scaled(dataset.test),
        )

    def apply_beside_device(self, dataset: Dataset) -> tuple[Dataset, tuple[float, float] | None]:
        """The data set as it is best placed on the device, and the scaling that remains for training.

        Tables are scaled as by `apply`. Images stay as loaded, mostly uint8, a quarter of their size as floats: the
        training computes `(x - shift) / scale` in float32, batch by batch.

        Returns:
            The data set, and the remaining `(shift, scale)`, or None.
        """
        if dataset.train.x.ndim <= 2 or len(self.shift) > 1:  # one for each pixel: scaled here, in float32
            return self.apply(dataset), None

        def typed(part: Split) -> Split:
            return Split(part.x, self._targets(part, dataset.task), part.rows)

        shift, scale = (self.shift[0], self.scale[0]) if self.shift else (0.0, 1.0)
        train, validation, test = map(typed, (dataset.train, dataset.validation, dataset.test))
        return replace(dataset, train=train, validation=validation, test=test), (shift, scale)

    def _targets(self, part: Split, task: str) -> np.ndarray:
        import numpy as np

        if task == "regression":
            return ((part.y - self.target_mean) / self.target_scale).astype(np.float32)
        return part.y.astype(np.int32)

    def inverse_target(self, y: np.ndarray) -> np.ndarray:
        """Scaled targets or predictions, of any shape, in the unit of the data set, as float64."""
        import numpy as np

        return np.asarray(y, np.float64) * self.target_scale + self.target_mean

    def to_json(self) -> dict[str, Any]:
        """This preprocessing as data that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Preprocessing:
        """The preprocessing that `to_json` wrote; it transforms identically.

        Raises:
            TypeError: the record lacks the kind, or has entries of another name.
            ValueError: it lacks numbers that its kind needs.
        """
        read = cls(**{name: _as_tuples(value) for name, value in record.items()})
        needed = {"none": True, "quantile": read.quantiles, "piecewise linear": read.quantiles}.get(
            read.kind.removeprefix(_LEAKY), read.shift and read.scale
        )
        if not needed or len(read.shift) != len(read.scale):
            raise ValueError(f"a preprocessing of kind {read.kind!r} lacks numbers that it needs")
        return read

    def transform(self, x: np.ndarray) -> np.ndarray:
        """Scaled inputs, as float32. Tables are computed in float64; images in float32, because they are large."""
        import numpy as np

        if self.kind == "piecewise linear":
            return np.concatenate([_encoded(x[:, i], bounds) for i, bounds in enumerate(self.quantiles)], axis=1)
        if self.quantiles:
            return _quantile_transformer(self.quantiles).transform(x).astype(np.float32)
        if self.kind == "none":
            return x.astype(np.float32)
        scaled: np.ndarray[Any, np.dtype[np.floating]] = x.astype(np.float32 if x.ndim > 2 else np.float64)
        by_pixel = x.ndim > 2 and len(self.shift) > 1
        for number, change in ((self.shift, np.subtract), (self.scale, np.divide)):
            array = np.asarray(number, scaled.dtype)
            change(scaled, array.reshape(x.shape[1:]) if by_pixel else array, out=scaled)
        return scaled.astype(np.float32, copy=False)


def _as_tuples(value: Any) -> Any:
    """JSON's lists, including nested ones, as tuples."""
    return tuple(_as_tuples(entry) for entry in value) if isinstance(value, list | tuple) else value


def _learn_from_columns(kind: str, x: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Shift and scale of each column; scikit-learn handles constant columns."""
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    if kind == "standard":
        standard = StandardScaler().fit(x)
        return tuple(standard.mean_.tolist()), tuple(standard.scale_.tolist())
    minmax = MinMaxScaler().fit(x)
    return tuple(minmax.data_min_.tolist()), tuple((1 / minmax.scale_).tolist())


def _learn_from_pixels(kind: str, x: np.ndarray) -> tuple[tuple[float], tuple[float]]:
    """One shift and one scale for all pixels, without a float64 copy of all images."""
    import numpy as np

    low, high = float(x.min()), float(x.max())
    if low == high:
        return (low,), (1.0,)
    if kind == "minmax":
        return (low,), (high - low,)
    mean = float(x.mean(dtype=np.float64))
    squares = sum(float(np.square(batch - mean).sum()) for batch in np.array_split(x, -(-len(x) // 1000)))
    return (mean,), ((squares / x.size) ** 0.5,)


def _learn_each_pixel(x: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Shift and scale of each pixel."""
    if x.ndim <= 2:
        raise ValueError('The preprocessing "standard per pixel" is for images. Give a table "standard".')
    return _learn_from_columns("standard", x.reshape(len(x), -1))


def _all_rows(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    parts = (dataset.train, dataset.validation, dataset.test)
    return np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts])


def _bounds_of_bins(x: np.ndarray) -> tuple[tuple[float, ...], ...]:
    """Each column's bounds of bins with equally many rows, each bound once; at least two bounds."""
    import numpy as np

    if x.ndim > 2:
        raise ValueError('The preprocessing "piecewise linear" is for tables. Give images "standard".')
    levels = np.linspace(0, 1, _BINS + 1)
    found = [np.unique(np.quantile(column, levels, method="lower")) for column in x.T.astype(np.float64)]
    return tuple(tuple(bounds if len(bounds) > 1 else [bounds[0], bounds[0] + 1.0]) for bounds in found)


def _encoded(column: np.ndarray, bounds: tuple[float, ...]) -> np.ndarray:
    """The piecewise linear encoding of Gorishniy et al. 2022, "On Embeddings for Numerical Features in Tabular Deep
    Learning", equation 1: for each bin how much of it lies below the value, 0 to 1; beyond the ends it goes on.
    """
    import numpy as np

    low, width = np.array(bounds[:-1]), np.diff(bounds)
    shares = (column[:, None].astype(np.float64) - low) / width
    shares[:, 1:] = np.maximum(shares[:, 1:], 0)
    shares[:, :-1] = np.minimum(shares[:, :-1], 1)
    encoded: np.ndarray = shares.astype(np.float32)
    return encoded


def _quantiles(x: np.ndarray) -> tuple[tuple[float, ...], ...]:
    """Each column's quantiles, up to 1,000 of them."""
    from sklearn.preprocessing import QuantileTransformer

    if x.ndim > 2:
        raise ValueError('The preprocessing "quantile" is for tables. Give images "standard", "minmax" or "none".')
    transformer = QuantileTransformer(n_quantiles=min(1000, len(x)), output_distribution="normal", random_state=0)
    return tuple(tuple(column) for column in transformer.fit(x).quantiles_.T.tolist())


def _quantile_transformer(quantiles: tuple[tuple[float, ...], ...]) -> QuantileTransformer:
    """scikit-learn's transformer with the state it had when these quantiles were learnt."""
    import numpy as np
    from sklearn.preprocessing import QuantileTransformer

    levels = len(quantiles[0])
    transformer = QuantileTransformer(n_quantiles=levels, output_distribution="normal")
    transformer.quantiles_ = np.array(quantiles).T
    transformer.references_ = np.linspace(0, 1, levels)
    transformer.n_quantiles_ = levels
    transformer.n_features_in_ = len(quantiles)
    return transformer
