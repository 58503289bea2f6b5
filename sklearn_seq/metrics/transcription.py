"""Errors of transcripts: how many characters or words must be changed."""

from typing import Any

import numpy as np

from sklearn_seq.metrics._reading import read_weights
from sklearn_seq.params import public

__all__ = ["character_error_rate", "edit_distance", "one_column", "read_text_pairs", "word_error_rate"]


def edit_distance(one: Any, other: Any) -> int:
    """The least number of insertions, deletions and replacements that make one sequence the other (Levenshtein 1966).

    Parameters
    ----------
    one, other : str or sequence
        Items are compared with ``==``: characters of texts, words of lists of words.

    Returns
    -------
    int
    """
    numbers: dict[Any, int] = {}
    a, b = (
        np.array([numbers.setdefault(item, len(numbers)) for item in items], dtype=np.int64) for items in (one, other)
    )
    if len(a) > len(b):
        a, b = b, a
    places = np.arange(len(b) + 1)
    row = places.copy()
    for item in a:
        # without insertions of this row; each of those adds 1 a place, so the rest is a running minimum
        new = np.concatenate([row[:1] + 1, np.minimum(row[1:] + 1, row[:-1] + (b != item))])
        row = np.minimum.accumulate(new - places) + places
    return int(row[-1])


@public
def character_error_rate(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float:
    """Share of characters that must be changed: the edits of all texts by the characters of all true texts.

    Parameters
    ----------
    y_true, y_pred : array-like of str of shape (n_samples,)
        What was said, and what was understood. Characters are code points, blanks included.
    sample_weight : array-like of shape (n_samples,), optional
        Weights of the texts.

    Returns
    -------
    float
        0 is best; above 1 where more is inserted than there is. Where all true texts are empty there is nothing to divide
        by, and it is the number of edits.

    Examples
    --------
    >>> from sklearn_seq.metrics import character_error_rate
    >>> character_error_rate(["seven", "two"], ["seven", "to"])
    0.125
    """
    return _error_rate(y_true, y_pred, sample_weight, str)


@public
def word_error_rate(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float:
    """Share of words that must be changed: the edits of all texts by the words of all true texts.

    Parameters
    ----------
    y_true, y_pred : array-like of str of shape (n_samples,)
        What was said, and what was understood. Words stand between white space; case and punctuation count.
    sample_weight : array-like of shape (n_samples,), optional
        Weights of the texts.

    Returns
    -------
    float
        0 is best; above 1 where more is inserted than there is. Where all true texts are empty there is nothing to divide
        by, and it is the number of edits.

    Examples
    --------
    >>> from sklearn.metrics import make_scorer
    >>> from sklearn_seq.metrics import word_error_rate
    >>> word_error_rate(["one two three four"], ["one too three"])
    0.5
    >>> scorer = make_scorer(word_error_rate, greater_is_better=False)  # for GridSearchCV
    """
    return _error_rate(y_true, y_pred, sample_weight, str.split)


def _error_rate(y_true: Any, y_pred: Any, sample_weight: Any, split: Any) -> float:
    true, said = read_text_pairs(y_true, y_pred)
    weight = read_weights(sample_weight, len(true))
    pairs = [(split(a), split(b)) for a, b in zip(true, said, strict=True)]
    edits = np.array([edit_distance(a, b) for a, b in pairs])
    sizes = np.array([len(a) for a, _ in pairs])
    return float(weight @ edits / (weight @ sizes or 1.0))


def read_text_pairs(y_true: Any, y_pred: Any) -> tuple[list[str], list[str]]:
    """True texts and as many others, or a refusal in words."""
    true, said = _texts(y_true, "y_true"), _texts(y_pred, "y_pred")
    if len(true) != len(said):
        raise ValueError(f"y_true has {len(true)} texts and y_pred has {len(said)}; wanted one for each of y_true")
    if not true:
        raise ValueError("y_true and y_pred hold no text; wanted one at least")
    return true, said


def one_column(texts: Any, name: str) -> Any:
    """Texts of an array or a frame with one column as 1-D; what has no shape as it is."""
    shape = getattr(texts, "shape", None)
    if shape is None or len(shape) == 1:
        return texts
    if len(shape) != 2 or shape[1] != 1:
        raise ValueError(f"{name} has shape {tuple(shape)}; wanted one text for each sequence, {tuple(shape[:1])}")
    return np.asarray(texts)[:, 0]


def _texts(texts: Any, name: str) -> list[str]:
    if isinstance(texts, str | bytes) or not hasattr(texts, "__len__"):
        raise TypeError(
            f"{name} is {texts!r:.60}; wanted a list or 1-D array of texts, one a sample. One text is [text]."
        )
    texts = list(one_column(texts, name))
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"{name}[{i}] is {text!r:.60}, of type {type(text).__name__}; wanted a text (str)")
    return texts
