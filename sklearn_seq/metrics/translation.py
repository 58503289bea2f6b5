"""Scores of translations by the package sacrebleu, so that they are those that papers print."""

from numbers import Integral
from typing import Any

from sklearn_seq.metrics.transcription import read_text_pairs
from sklearn_seq.params import public

__all__ = ["bleu_score", "chrf_score"]


@public
def bleu_score(y_true: Any, y_pred: Any, *, lowercase: bool = False, tokenize: str = "13a") -> float:
    """BLEU of all texts together: how many of the 1- to 4-grams of words are right (Papineni et al. 2002, Post 2018).

    Parameters
    ----------
    y_true, y_pred : array-like of str of shape (n_samples,)
        What should have been written, and what was: plain texts, which are split into words here.
    lowercase : bool
        Whether capital letters are made small first.
    tokenize : str
        How sacrebleu splits texts: "13a" as in WMT, "char", "intl", "none" and others.

    Returns
    -------
    float
        From 0 to 100, where all is right.

    Raises
    ------
    ImportError
        Without the package sacrebleu, which the extra ``text`` brings.

    References
    ----------
    .. [1] K. Papineni, S. Roukos, T. Ward, W.-J. Zhu. BLEU: a method for automatic evaluation of machine translation. ACL 2002.
    .. [2] M. Post. A call for clarity in reporting BLEU scores. WMT 2018.

    Examples
    --------
    >>> from sklearn.metrics import make_scorer
    >>> from sklearn_seq.metrics import bleu_score
    >>> round(bleu_score(["a dog runs over the grass"], ["a dog runs on the grass"]), 1)
    38.0
    >>> scorer = make_scorer(bleu_score)  # for GridSearchCV
    """
    true, said = read_text_pairs(y_true, y_pred)
    sacrebleu = _load_sacrebleu("bleu_score")
    if tokenize not in sacrebleu.BLEU.TOKENIZERS:
        raise ValueError(f"tokenize={tokenize!r}; wanted one of {', '.join(sorted(sacrebleu.BLEU.TOKENIZERS))}")
    # force: texts that look split into words already are scored as they are, without a warning
    metric = sacrebleu.BLEU(lowercase=lowercase, tokenize=tokenize, force=True)
    return float(metric.corpus_score(said, [true]).score)


@public
def chrf_score(y_true: Any, y_pred: Any, *, word_order: int = 0, lowercase: bool = False) -> float:
    """The F-score of all 1- to 6-grams of characters, chrF2; with ``word_order=2`` of words too, chrF2++ (Popovic 2015).

    Parameters
    ----------
    y_true, y_pred : array-like of str of shape (n_samples,)
        What should have been written, and what was.
    word_order : int
        Longest n-grams of words that count too; 0 is none.
    lowercase : bool
        Whether capital letters are made small first.

    Returns
    -------
    float
        From 0 to 100, where all is right.

    Raises
    ------
    ImportError
        Without the package sacrebleu, which the extra ``text`` brings.

    References
    ----------
    .. [1] M. Popovic. chrF: character n-gram F-score for automatic MT evaluation. WMT 2015.

    Examples
    --------
    >>> from sklearn_seq.metrics import chrf_score
    >>> round(chrf_score(["a dog runs over the grass"], ["a dog runs on the grass"]), 1)
    68.9
    """
    true, said = read_text_pairs(y_true, y_pred)
    if not isinstance(word_order, Integral) or word_order < 0:
        raise ValueError(f"word_order={word_order!r}; wanted a whole number, 0 or more")
    sacrebleu = _load_sacrebleu("chrf_score")
    return float(sacrebleu.CHRF(word_order=word_order, lowercase=lowercase).corpus_score(said, [true]).score)


def _load_sacrebleu(name: str) -> Any:
    try:
        import sacrebleu
    except ImportError as error:
        raise ImportError(
            f"{name} needs the package sacrebleu: pip install 'sklearn_seq[text]', or use character_error_rate, which needs none"
        ) from error
    return sacrebleu
