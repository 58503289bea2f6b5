"""How much each model of a mixture counts, learnt from what it said of rows that it had not seen."""

import numpy as np
from scipy.optimize import minimize, nnls
from scipy.special import log_softmax, softmax

__all__ = ["bounded_logarithms", "mix_logarithms", "mix_numbers", "mix_probabilities"]

# Power of what models are worth that becomes their weight where there are few rows: that of accuracies in Large, Lines and
# Bagnall (2019). Of probabilities it was the best too, in cross-validation of training parts of UCR sets, where they gave
# 0.8941 and accuracies 0.8928.
_EXPONENT = 4
# Rows that these weights count for, against what the rows themselves say. By cross-validation of training parts of UCR
# sets, where 30 to 300 made no difference.
_PRIOR_ROWS = 100.0
_LEAST = 1e-4  # probability; below, one row, or one model, would decide
_ROUNDS = 200


def mix_probabilities(probabilities: list[np.ndarray], labels: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weights of models that give probabilities.

    Of few rows the weights are the fourth powers of the geometric means of the probabilities that models gave to what happened;
    the more rows there are, the more they are those under which the labels are most probable.

    Parameters
    ----------
    probabilities : list of ndarray of shape (n, K)
        Of each model, for rows that it was not fitted on.
    labels : ndarray of int of shape (n,)
    weight : ndarray of shape (n,)
        Of the rows.

    Returns
    -------
    ndarray of shape (n_models,)
        Not negative, with sum 1.

    References
    ----------
    .. [1] J. Large, J. Lines, A. Bagnall. A probabilistic classifier ensemble weighting scheme based on cross-validated
       accuracy estimates. Data Mining and Knowledge Discovery 33, 1674-1709, 2019.
    """
    rows = np.arange(len(labels))
    likelihood = np.stack([np.maximum(p[rows, labels], _LEAST) for p in probabilities], axis=1)  # (n, n_models)
    prior = np.exp(_EXPONENT * np.average(np.log(likelihood), axis=0, weights=weight))
    prior /= prior.sum()
    weight = weight * (len(weight) / weight.sum())
    mix = prior
    for _ in range(_ROUNDS):  # expectation, maximisation
        share = likelihood * mix
        share /= share.sum(axis=1, keepdims=True)
        mix = weight @ share + _PRIOR_ROWS * prior
        mix /= mix.sum()
    return mix


def bounded_logarithms(logits: list[np.ndarray]) -> np.ndarray:
    """What `mix_logarithms` adds up, (n_models, n, K), of logits (n, K) each: one model alone rules nothing out."""
    return np.maximum([log_softmax(part, axis=1) for part in logits], np.log(_LEAST))


def mix_logarithms(logarithms: np.ndarray, labels: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weights of models whose logarithms of probabilities are added up (Hinton 2002): each may raise or lower all others.

    The more rows there are, the more the weights are those under which the labels are most probable, with a temperature of
    their own; of few rows models count alike.

    Parameters
    ----------
    logarithms : ndarray of shape (n_models, n, K)
        Of each model's probabilities, for rows that it was not fitted on.
    labels : ndarray of int of shape (n,)
    weight : ndarray of shape (n,)
        Of the rows.

    Returns
    -------
    ndarray of shape (n_models,)
        Not negative, with sum 1.

    References
    ----------
    .. [1] G. E. Hinton. Training products of experts by minimizing contrastive divergence. Neural Computation 14,
       1771-1800, 2002.
    """
    rows = np.arange(len(labels))
    happened = logarithms[:, rows, labels]  # (n_models, n)
    weight = weight * (len(weight) / weight.sum())
    equal = np.full(len(logarithms), 1.0 / len(logarithms))

    def cost(mix: np.ndarray) -> tuple[float, np.ndarray]:
        added = np.tensordot(mix, logarithms, axes=1)
        away = mix - equal
        loss = -weight @ log_softmax(added, axis=1)[rows, labels] + 0.5 * _PRIOR_ROWS * (away @ away)
        expected = np.einsum("nk,hnk->hn", softmax(added, axis=1), logarithms)
        return float(loss), (expected - happened) @ weight + _PRIOR_ROWS * away

    mix = minimize(cost, equal, jac=True, bounds=[(0.0, None)] * len(equal), method="L-BFGS-B").x
    return mix / mix.sum() if mix.any() else equal


def mix_numbers(predictions: list[np.ndarray], target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weights of models that give numbers.

    Of few rows the weights fall with the square of the mean squared error; the more rows there are, the more they are
    those with the least squared error of the mixture.

    Parameters
    ----------
    predictions : list of ndarray of shape (n, K)
        Of each model, for rows that it was not fitted on, all outputs on one scale.
    target : ndarray of shape (n, K)
    weight : ndarray of shape (n,)
        Of the rows.

    Returns
    -------
    ndarray of shape (n_models,)
        Not negative, with sum 1.
    """
    weight = weight / weight.sum()
    errors = np.stack([p - target for p in predictions])  # (n_models, n, K)
    products = np.einsum("ink,jnk,n->ij", errors, errors, weight)  # of the errors of two models
    own = np.diag(products)
    tiny = 1e-12 * (own.max() or 1.0)
    prior = (own.min() + tiny) ** 2 / (own + tiny) ** 2
    prior /= prior.sum()
    values, vectors = np.linalg.eigh(products)
    root = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
    scale = own.mean() + tiny
    pull = np.sqrt(_PRIOR_ROWS / len(target) * scale)
    whole = 1e3 * np.sqrt(scale)  # of the condition that weights sum to one
    system = np.vstack([root, pull * np.eye(len(own)), np.full((1, len(own)), whole)])
    mix, _ = nnls(system, np.concatenate([np.zeros(len(own)), pull * prior, [whole]]))
    return mix / mix.sum()
