"""More pairs to translate from: sources made of texts that have none."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_seq.params import public
from sklearn_seq.sequences.weights import read_weight
from sklearn_seq.tasks.generate_reading import Texts, read_texts, refuse_other_kind
from sklearn_seq.tasks.options import is_number

__all__ = ["back_translate"]


@public
def back_translate(
    reverse: Any, X: Any, y: Any, y_more: Any, *, sample_weight: Any = None, weight: float = 1.0, **options: Any
) -> tuple[Any, Any, np.ndarray]:
    """Pairs to fit on, of which some have a source that a model of the other direction made (Sennrich et al. 2016).

    What is to be written is then real in all pairs, and only what is read is not: a model learns to write from texts that
    nobody has translated.

    Parameters
    ----------
    reverse : estimator
        A fitted translator from y to X, such as ``clone(model).fit(y, X)``. Anything with such a ``predict`` will do.
    X, y : list of str, or sequences of token ids
        Pairs that there are.
    y_more : as y
        Of the kind of y, without sources.
    sample_weight : array-like of shape (n_samples,), optional
        Weights of the pairs that there are.
    weight : float
        Of each pair that is made.
    **options
        For ``reverse.predict``, such as ``beam_size=1``.

    Returns
    -------
    X : list of str, or of arrays of int64
        The sources given, then those made.
    y : as X
        The targets given, then those of ``y_more``.
    sample_weight : ndarray of float64 of shape (n_samples + n_more,)

    Raises
    ------
    ValueError, TypeError
        For what cannot be read, and when ``reverse`` gives texts where X holds ids, or the other way round.

    References
    ----------
    .. [1] R. Sennrich, B. Haddow, A. Birch. Improving neural machine translation models with monolingual data. ACL 2016.

    Examples
    --------
    >>> from sklearn_seq import GRUTranslator, back_translate
    >>> X, y = ["one", "two", "one two", "two one"], ["1", "2", "12", "21"]
    >>> reverse = GRUTranslator(hidden_size=16, random_state=0).fit(y, X)
    >>> X_all, y_all, weight = back_translate(reverse, X, y, ["11"], weight=0.5)
    >>> y_all, weight.tolist()
    (['1', '2', '12', '21', '11'], [1.0, 1.0, 1.0, 1.0, 0.5])
    """
    if not is_number(weight, 0):
        raise ValueError(f"weight={weight!r}; wanted a finite number, 0 or more")
    given, wanted, more = read_texts(X), read_texts(y, "y"), read_texts(y_more, "y_more", may_be_none=True)
    if len(given) != len(wanted):
        raise ValueError(f"X has {len(given)} samples and y has {len(wanted)}; wanted one answer for each of X")
    known = read_weight(sample_weight, len(given))
    if not len(more):
        return _items(given), _items(wanted), known
    refuse_other_kind(more, wanted.kind, "y_more", "the model to come")
    made = read_texts(reverse.predict(y_more, **options), "reverse.predict(y_more)")
    refuse_other_kind(made, given.kind, "reverse.predict(y_more)", "the model to come")
    if len(made) != len(more):
        raise ValueError(f"reverse.predict gave {len(made)} sources for {len(more)} of y_more; wanted one for each")
    weights = np.concatenate([known, np.full(len(more), float(weight))])
    return _items(given) + _items(made), _items(wanted) + _items(more), weights


def _items(given: Texts) -> list[Any]:
    return list(given.texts if given.texts is not None else given.ids or [])
