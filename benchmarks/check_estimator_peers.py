"""How much of scikit-learn's contract do libraries for sequences keep?

Runs ``check_estimator`` over a handful of a library's sequence estimators, built with their defaults, and
prints how many checks pass. Needs scikit-learn 1.6 or later and the library that is asked about, each in an
environment of its own if need be:

    python benchmarks/check_estimator_peers.py skorch|aeon|sktime|tslearn|ours|sklearn [--markdown] [--names]

``SCIPY_ARRAY_API=1`` is set, so that the array API check runs instead of being skipped.
"""

import argparse
import os

os.environ["SCIPY_ARRAY_API"] = "1"  # read when scipy is imported

import inspect
import platform
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from sklearn.utils.estimator_checks import check_estimator

Row = tuple[str, Any]  # what the table calls it, the estimator


def skorch() -> Iterator[Row]:
    """Nets around a small recurrent module; check_estimator feeds float64, which a module may cast or not."""
    import torch
    from skorch import NeuralNetClassifier, NeuralNetRegressor

    class Net(torch.nn.Module):
        def __init__(self, n_outputs: int = 3, cast: bool = True):
            super().__init__()
            self.cast = cast
            self.body = torch.nn.GRU(1, 16, batch_first=True)
            self.head = torch.nn.Linear(16, n_outputs)

        def forward(self, x):  # x (B, T)
            if self.cast:
                x = x.float()
            out = self.head(self.body(x[..., None])[0][:, -1])
            return out.softmax(-1) if out.shape[-1] > 1 else out[:, 0]

    # check_estimator clones by import and pickles: the class must be found where it says it is
    Net.__qualname__ = "Net"
    globals()["Net"] = Net
    torch.manual_seed(0)
    torch.set_num_threads(1)
    common = {"verbose": 0}
    yield "NeuralNetClassifier (module casts to float)", NeuralNetClassifier(Net, **common)
    yield "NeuralNetClassifier (plain module)", NeuralNetClassifier(Net, module__cast=False, **common)
    yield "NeuralNetRegressor (module casts to float)", NeuralNetRegressor(Net, module__n_outputs=1, **common)
    plain = {"module__n_outputs": 1, "module__cast": False}
    yield "NeuralNetRegressor (plain module)", NeuralNetRegressor(Net, **plain, **common)


def aeon() -> Iterator[Row]:
    """Classifiers and regressors that need no deep learning."""
    from aeon.classification.convolution_based import MiniRocketClassifier
    from aeon.classification.distance_based import KNeighborsTimeSeriesClassifier
    from aeon.classification.feature_based import Catch22Classifier, SummaryClassifier
    from aeon.regression.distance_based import KNeighborsTimeSeriesRegressor
    from aeon.regression.feature_based import SummaryRegressor

    yield from _defaults(
        SummaryClassifier,
        Catch22Classifier,
        KNeighborsTimeSeriesClassifier,
        MiniRocketClassifier,
        SummaryRegressor,
        KNeighborsTimeSeriesRegressor,
    )


def sktime() -> Iterator[Row]:
    """Classifiers and regressors with scikit-learn's verbs."""
    from sktime.classification.distance_based import KNeighborsTimeSeriesClassifier
    from sktime.classification.feature_based import SummaryClassifier
    from sktime.classification.interval_based import TimeSeriesForestClassifier
    from sktime.regression.interval_based import TimeSeriesForestRegressor

    yield from _defaults(
        SummaryClassifier,
        KNeighborsTimeSeriesClassifier,
        TimeSeriesForestClassifier,
        TimeSeriesForestRegressor,
    )


def tslearn() -> Iterator[Row]:
    """Classifiers, regressors and a clusterer."""
    from tslearn.clustering import TimeSeriesKMeans
    from tslearn.neighbors import KNeighborsTimeSeriesClassifier, KNeighborsTimeSeriesRegressor
    from tslearn.neural_network import TimeSeriesMLPClassifier, TimeSeriesMLPRegressor
    from tslearn.svm import TimeSeriesSVC

    yield from _defaults(
        TimeSeriesMLPClassifier,
        TimeSeriesMLPRegressor,
        KNeighborsTimeSeriesClassifier,
        KNeighborsTimeSeriesRegressor,
        TimeSeriesSVC,
        TimeSeriesKMeans,
    )


def sklearn() -> Iterator[Row]:
    """The yardstick: scikit-learn's own, which know no sequences."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    yield from _defaults(MLPClassifier, HistGradientBoostingClassifier)
    yield "MLPRegressor(max_iter=100)", MLPRegressor(max_iter=100)


def ours() -> Iterator[Row]:
    """Every public estimator, found by asking the package."""
    import sklearn_seq

    for name in sklearn_seq.__all__:
        thing = getattr(sklearn_seq, name)
        if inspect.isclass(thing) and hasattr(thing, "fit"):
            yield name, thing()


def _defaults(*classes: type) -> Iterator[Row]:
    for cls in classes:
        yield cls.__name__, cls()


PEERS = {peer.__name__: peer for peer in (skorch, aeon, sktime, tslearn, ours, sklearn)}
DISTRIBUTIONS = {"ours": "sklearn-seq", "sklearn": "scikit-learn"}
COLUMNS = ("estimator", "checks", "passed", "failed", "expected to fail", "skipped", "seconds")


def expected(peer: str, estimator: Any) -> dict[str, str] | None:
    """The checks that an estimator of ours fails by definition, each with its reason."""
    if peer != "ours":
        return None
    from sklearn_seq.testing import expected_failed_checks

    return expected_failed_checks(estimator)


def check(peer: str, name: str, estimator: Any) -> tuple[tuple[str, ...], list[str]]:
    """One row of the table, and the checks that were not passed."""
    start = time.perf_counter()
    reasons = expected(peer, estimator)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = check_estimator(estimator, on_fail=None, on_skip=None, expected_failed_checks=reasons)
    except Exception as error:  # raised before the first check: no scikit-learn estimator at all
        first = str(error).split(". ")[0]
        return (name, "0", "-", "-", "-", "-", "-"), [f"no check ran: {type(error).__name__}: {first}"]
    count = Counter(result["status"] for result in results)
    numbers = (len(results), count["passed"], count["failed"], count["xfail"], count["skipped"])
    lines = [
        f"{result['check_name']}: {result['status']}"
        + (f", {type(result['exception']).__name__}" if result["exception"] is not None else "")
        for result in results
        if result["status"] != "passed"
    ]
    return (name, *map(str, numbers), f"{time.perf_counter() - start:.0f}"), lines


def table(rows: list[tuple[str, ...]], markdown: bool) -> str:
    """Rows below a header; numbers stand right."""
    widths = [max(len(row[i]) for row in [COLUMNS, *rows]) for i in range(len(COLUMNS))]

    def line(cells: tuple[str, ...]) -> str:
        numbers = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        aligned = [cells[0].ljust(widths[0]), *numbers]
        return "| " + " | ".join(aligned) + " |" if markdown else "  ".join(aligned)

    rule = ["-" * widths[0], *("-" * (w - 1) + ":" for w in widths[1:])]
    head = [line(COLUMNS)] + (["| " + " | ".join(rule) + " |"] if markdown else [])
    return "\n".join(head + [line(row) for row in rows])


def versions(peer: str) -> str:
    """What was run, for the caption."""
    found = [f"Python {platform.python_version()}"]
    for distribution in dict.fromkeys([DISTRIBUTIONS.get(peer, peer), "scikit-learn", "numpy", "torch"]):
        try:
            found.append(f"{distribution} {version(distribution)}")
        except PackageNotFoundError:
            pass
    return ", ".join(found)


def main() -> None:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("--markdown", action="store_true", help="print the table in Markdown")
    parser.add_argument("--names", action="store_true", help="list the checks that were not passed")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    rows, notes = [], []
    for name, estimator in PEERS[options.peer]():
        row, lines = check(options.peer, name, estimator)
        rows.append(row)
        if options.names or row[1] == "0":
            notes += [f"{name}: {line}" for line in lines]
    print(f"{options.peer}: {versions(options.peer)}\n")
    print(table(rows, options.markdown))
    for note in notes:
        print(("\n- " if options.markdown else "\n") + note, end="")
    print(end="\n" if notes else "")


if __name__ == "__main__":
    main()
