"""Ridge in closed form, against scikit-learn and against refits that leave a row out."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.preprocessing import StandardScaler

from sklearn_seq.training import ridge
from sklearn_seq.training.ridge import RidgePath, linear_map, squared_error


def solve_ridge(X, y, weight, score=None):
    return RidgePath(X, y, weight).best(score or squared_error(y, weight))


def decision(solution, X):
    return linear_map(X, solution.coef, solution.intercept)


def problem(n, p, n_targets=2, seed=0):
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(n, p)) * rng.uniform(0.1, 5, size=p) + rng.normal(size=p)).astype(np.float32)
    y = X[:, : min(p, 5)].astype(float) @ rng.normal(size=(min(p, 5), n_targets)) + rng.normal(size=(n, n_targets))
    return X, y, rng.uniform(0.2, 3, size=n)


@pytest.fixture(params=["rows", "columns", "factors", "chunks of rows", "chunks of columns"])
def shape(request, monkeypatch):
    """Every form; in chunks and at once."""
    if request.param == "factors":
        monkeypatch.setattr(ridge, "_LARGE", 0)
    if request.param.startswith("chunks"):
        monkeypatch.setattr(ridge, "_CHUNK", 100)
    return (30, 50) if request.param in ("rows", "factors", "chunks of columns") else (50, 30)


def standardised(X, weight):
    return StandardScaler().fit(X.astype(float), sample_weight=weight)


def test_values_are_those_of_scikit_learn(shape):
    X, y, weight = problem(*shape)
    scaler = standardised(X, weight)
    Z = scaler.transform(X.astype(float))
    path = RidgePath(X, y, weight)
    per_unit = (weight @ (Z**2).sum(axis=1)) / len(X)
    for i in (2, 8, 14):
        wanted = Ridge(path.alphas[i] * per_unit).fit(Z, y, sample_weight=weight)
        found = path.solution(np.full(2, i))
        other = problem(7, shape[1], seed=1)[0]
        np.testing.assert_allclose(
            decision(found, other), wanted.predict(scaler.transform(other)), rtol=1e-4, atol=1e-4
        )


def test_left_out_values_are_those_of_refits(shape):
    X, y, weight = problem(*shape)
    Z = standardised(X, weight).transform(X.astype(float))
    path = RidgePath(X, y, weight)
    per_unit = (weight @ (Z**2).sum(axis=1)) / len(X)
    for i in (2, 8, 14):
        for row in (0, 7):
            rest = np.delete(np.arange(len(X)), row)
            refit = Ridge(path.alphas[i] * per_unit, solver="cholesky").fit(
                Z[rest], y[rest], sample_weight=weight[rest]
            )
            np.testing.assert_allclose(path.loo(i)[row], refit.predict(Z[[row]])[0], rtol=1e-5, atol=1e-5)


def test_the_penalty_is_that_of_scikit_learn(shape):
    X, y, _ = problem(*shape)
    Z = standardised(X, None).transform(X.astype(float))
    found = solve_ridge(X, y, np.ones(len(X)))
    alphas = ridge.ALPHAS[::2] if ridge._LARGE == 0 else ridge.ALPHAS  # where each costs, every other one is tried
    for k in range(2):
        wanted = RidgeCV(alphas * shape[1], store_cv_results=True).fit(Z, y[:, k])
        assert found.alpha[k] == pytest.approx(wanted.alpha_ / shape[1])


def test_blocks_are_one_table_side_by_side(shape):
    X, y, weight = problem(*shape)
    blocks = [X[:, :7], X[:, 7:]]
    whole, parts = solve_ridge(X, y, weight), solve_ridge(blocks, y, weight)
    np.testing.assert_allclose(parts.loo, whole.loo, atol=1e-9)
    np.testing.assert_allclose(decision(parts, blocks), decision(whole, X), atol=1e-5)


def test_the_scale_of_the_weights_does_not_matter(shape):
    X, y, weight = problem(*shape)
    np.testing.assert_allclose(solve_ridge(X, y, 3 * weight).loo, solve_ridge(X, y, weight).loo, atol=1e-9)


def test_columns_that_do_not_vary_and_copies_of_columns_are_harmless(shape):
    X, y, weight = problem(*shape)
    X[:, 3] = 0.1
    X[:, 4] = X[:, 5]
    found = solve_ridge(X, y, weight)
    assert (found.coef[3] == 0).all()
    assert np.isfinite(found.loo).all()
    np.testing.assert_allclose(found.coef[4], found.coef[5], atol=1e-5)


def test_features_that_say_nothing_leave_the_mean_of_the_others(shape):
    _, y, weight = problem(*shape)
    found = solve_ridge(np.ones(shape, dtype=np.float32), y, weight)
    np.testing.assert_allclose(found.intercept, np.average(y, axis=0, weights=weight))
    np.testing.assert_allclose(found.loo[0], np.average(y[1:], axis=0, weights=weight[1:]))


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("p", [1, 5])
def test_one_or_two_rows(n, p):
    X, y, weight = problem(n, p)
    found = solve_ridge(X, y, weight)
    assert np.isfinite(found.loo).all()
    assert np.isfinite(decision(found, X)).all()


def test_a_score_of_one_number_gives_all_targets_the_same_penalty(shape):
    X, y, weight = problem(*shape)
    y[:, 1] = np.random.default_rng(2).normal(size=len(y))
    each = solve_ridge(X, y, weight)
    one = solve_ridge(X, y, weight, score=lambda loo: squared_error(y, weight)(loo).sum())
    assert each.alpha[0] < each.alpha[1]
    assert one.alpha[0] == one.alpha[1]


def test_columns_that_do_not_vary_in_many_rows_of_double_precision_say_nothing():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=20_000), np.full(20_000, 0.1), np.full(20_000, 1 / 3)])
    solution = solve_ridge(X, X[:, :1], rng.random(20_000))
    assert solution.coef.reshape(-1)[1:].tolist() == [0.0, 0.0]
