"""What all transformers share: reading, fits that succeed or change nothing, and giving back the kind that came in."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_seq.params import estimator
from sklearn_seq.sequences.container import Sequences
from sklearn_seq.sequences.finite import all_finite
from sklearn_seq.sequences.gate import read_X
from sklearn_seq.sequences.kinds import refuse_twice
from sklearn_seq.sequences.reading import float_dtype, refuse_dtype, told_of_objects
from sklearn_seq.sequences.tables import refuse_no_table

__all__: list[str] = []

Rows = Literal["samples", "time"]
T = TypeVar("T")

_NO_ANSWER = ("n_jobs",)  # parameters that no answer depends on are free after fit


def read_table(estimator: Any, X: Any, *, reset: bool, missing: str = "error") -> Sequences:
    """Read a table, rows in time order, as one sequence.

    Parameters
    ----------
    estimator : estimator
        Gets ``n_features_in_`` and ``feature_names_in_`` when ``reset``, else is held against them.
    X : array-like or frame of shape (n_rows, n_features)
        The table.
    reset : bool
        True in ``fit``.
    missing : {"error", "mask"}
        Whether NaN is refused.

    Returns
    -------
    Sequences
        One sequence, the rows of the table.
    """
    name = type(estimator).__name__
    shape = getattr(X, "shape", ())
    stretches = isinstance(X, list) and len(X) > 0 and isinstance(X[0], np.ndarray) and X[0].ndim > 0
    if isinstance(X, Sequences) or len(shape) > 2 or (stretches and X[0].ndim > 1):
        given = repr(X) if isinstance(X, Sequences) else f"an array of shape {tuple(shape)}"
        given = f"a list of {len(X)} arrays" if stretches else given
        other = ", or set rows='samples' to treat each sequence on its own" if hasattr(estimator, "rows") else ""
        raise ValueError(
            f"X is {given}, but {name} reads one table (n_rows, n_features), its rows in time order. "
            f"Give one table{other}."
        )
    refuse_no_table(estimator, X)
    refuse_dtype(X)
    if hasattr(X, "columns"):
        refuse_twice(list(X.columns))
    with told_of_objects():
        table = validate_data(
            estimator, X, reset=reset, dtype=float_dtype(X), order="C", ensure_all_finite=False, ensure_min_samples=1
        )
    if not all_finite(table):
        bad = ~np.isfinite(table) if missing == "error" else np.isinf(table)
        if bad.any():
            row, column = np.argwhere(bad)[0]
            names = getattr(estimator, "feature_names_in_", None)
            place = f"row {row}, column {column if names is None else repr(str(names[column]))}"
            if np.isnan(table[row, column]):
                raise ValueError(
                    f"Input X contains NaN: {place}. {name} does not accept missing values as it stands: "
                    "fill them first (SequenceImputer(rows='time')) or drop those rows."
                )
            raise ValueError(
                f"Input X contains infinity or a value too large for {table.dtype!r}: {place}. "
                "Wanted finite numbers: correct or drop it."
            )
    return Sequences._make(table, np.zeros(1, np.int64), np.array([len(table)], np.int64))


@contextmanager
def all_or_nothing(estimator: Any) -> Iterator[None]:
    """Start a fit without what an earlier fit left, put that back when this one fails, and note the parameters when it does not."""
    before = estimator.__dict__.copy()
    for name in before:
        if name.endswith("_") and not name.startswith("_"):
            del estimator.__dict__[name]
    try:
        yield
    except BaseException:
        estimator.__dict__.clear()
        estimator.__dict__.update(before)
        raise
    params = estimator.get_params(deep=False)
    estimator._params_of_fit = {name: value for name, value in params.items() if name not in _NO_ANSWER}


def as_fitted(estimator: T) -> T:
    """A fitted estimator with the parameters of its fit, whatever ``set_params`` did since, as networks answer; one not fitted as it is."""
    params = vars(estimator).get("_params_of_fit", {})
    if all(vars(estimator)[name] is value for name, value in params.items()):
        return estimator
    view = object.__new__(type(estimator))
    vars(view).update(vars(estimator) | params)
    return view


def _names_columns(self: Any) -> bool:
    """Whether the output is a table; scikit-learn asks it before it names columns."""
    if not as_fitted(self)._gives_columns():
        raise AttributeError(f"this {type(self).__name__} gives sequences, which have no columns to name")
    return True


@estimator
class _Transformer(TransformerMixin, BaseEstimator):
    """A transformer says what it learns (`_learn`) and what it makes of sequences (`_apply`); the rest is here.

    Attributes
    ----------
    n_features_in_ : int
        Columns of a 2-D ``X``, features of any other.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Names of the columns, when ``X`` was a frame.
    n_timesteps_in_ : int or None
        Time steps of a rectangular ``X``, None for a ragged one; a table sets none.
    """

    _allow_nan: ClassVar[bool] = False

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn what `transform` needs.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps[, n_features]), list of arrays, frame or Sequences
            Sequences; or a table of shape (n_rows, n_features), where the transformer reads one.
        y : object
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.
        """
        self._validate_params()
        self._check_settings()
        with all_or_nothing(self):
            sequences, _ = self._read(X, reset=True)
            self._learn(sequences)
        return self

    def transform(self, X: Any) -> Any:
        """Transform sequences.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps[, n_features]), list of arrays, frame or Sequences
            Sequences with the features seen in `fit`; or a table of shape (n_rows, n_features).

        Returns
        -------
        ndarray, frame or Sequences
            One sample for each sample of ``X``, in its order: arrays for arrays, `Sequences` for ragged data, and for
            2-D ``X`` the frame that `set_output` asks for.
        """
        check_is_fitted(self)
        self = as_fitted(self)
        sequences, kind = self._read(X, reset=False)
        return self._give(self._apply(sequences), kind)

    # what a transformer may define

    def _check_settings(self) -> None:
        """Refuse parameters that are legal one by one, not together."""

    def _learn(self, X: Sequences) -> None:
        """Set the fitted attributes."""

    def _apply(self, X: Sequences) -> Sequences:
        """Transform sequences into as many sequences."""
        raise NotImplementedError

    def _gives_columns(self) -> bool:
        """Whether the output is 2-D with columns that have names."""
        return self.__dict__.get("_kind", "2-D") in ("2-D", "table")

    def _names(self, names: list[str]) -> list[str]:
        """The names of the output's columns, made of the input's."""
        return names

    # what all have

    def _read(self, X: Any, *, reset: bool) -> tuple[Sequences, str]:
        missing = "mask" if self._allow_nan else "error"
        reading = read_X(self, X, reset=reset, dtype=float_dtype(X), missing=missing)
        return reading.sequences, reading.kind

    def _give(self, X: Sequences, kind: str) -> Any:
        if kind == "ragged":
            return X
        if kind == "table":
            return X.values
        shape = (len(X), -1) if kind == "2-D" and X.n_features == 1 else (len(X), -1, X.n_features)
        return X.values.reshape(shape)

    def _read_back(self, X: Any) -> tuple[Sequences, str]:
        """Read what `inverse_transform` is given: names of columns are held against `fit` only where there are any."""
        check_is_fitted(self)
        reader = self
        if not hasattr(X, "columns"):
            reader = copy.copy(self)
            reader.__dict__.pop("feature_names_in_", None)
        return reader._read(X, reset=False)

    @available_if(_names_columns)
    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns of a 2-D output.

        Parameters
        ----------
        input_features : array-like of str, optional
            Names of the input's columns, where `fit` saw none.

        Returns
        -------
        ndarray of str
            One name a column.
        """
        check_is_fitted(self)
        self = as_fitted(self)
        names = OneToOneFeatureMixin.get_feature_names_out(self, input_features)
        return np.asarray(self._names([str(name) for name in names]), dtype=object)

    def set_output(self, *, transform: str | None = None) -> Self:
        """Choose the container of 2-D output; sequences are given as they are.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, optional
            The container; None changes nothing.

        Returns
        -------
        self : object
            The transformer.
        """
        # scikit-learn's own method is missing where the output is no table, and then a whole Pipeline refuses
        if transform is not None:
            self.__dict__.setdefault("_sklearn_output_config", {})["transform"] = transform
        return self

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self._allow_nan
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


@estimator
class _TimewiseTransformer(_Transformer):
    """A transformer that can also read a table, rows in time order."""

    rows: Annotated[
        Rows,
        'What a row of 2-D ``X`` is: ``"samples"``, a sequence of one feature; ``"time"``, one time step of one table. '
        "3-D and ragged ``X`` need ``samples``.",
    ] = "samples"

    def _read(self, X: Any, *, reset: bool) -> tuple[Sequences, str]:
        as_table = self.rows == "time" if reset else getattr(self, "_kind", None) == "table"
        if not as_table:
            return super()._read(X, reset=reset)
        sequences = read_table(self, X, reset=reset, missing="mask" if self._allow_nan else "error")
        if reset:
            self._kind = "table"
        return sequences, "table"

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = self.rows == "samples"
        return tags


@estimator
class _FeatureTransformer(_Transformer):
    """A transformer that makes a row of numbers of each sequence (`_features`)."""

    def transform(self, X: Any) -> Any:
        """Make features of sequences.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps[, n_features]), list of arrays, frame or Sequences
            Sequences with the features seen in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out), or the frame that `set_output` asks for
            One row for each sequence, whatever stands beside it; of float32, or of the parameter ``dtype`` where there is one.
        """
        check_is_fitted(self)
        self = as_fitted(self)
        sequences, _ = self._read(X, reset=False)
        return self._features(sequences)

    def _features(self, X: Sequences) -> np.ndarray:
        """What `transform` makes of sequences that were read, (n_samples, n_features_out) of float32."""
        raise NotImplementedError

    def _gives_columns(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
