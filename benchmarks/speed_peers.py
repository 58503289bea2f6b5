"""``fit`` of recurrent classifiers in other libraries, in ``sklearn_seq`` and in a loop written by hand.

    scripts/bench speed_peers [-- --rounds 5 --epochs 4 --peers skorch,keras --only h16]

Each library lives in an environment of its own with ours beside it (``scripts/bench --peer NAME``), and the three take turns
in one process on one thread. The raw loop slices tensors by a permutation and steps plain Adam; its network is a layer, the mean
over time and a linear head, as in ours, keras and skorch. sktime and tsai have networks of their own, of the same size, which
read the last step. Epochs and batch size are the same for all; ratios are medians over rounds (lowest to highest).

A library trains "as it comes": skorch keeps a fifth for validation, so a fit has fewer training batches and predicts besides;
tsai asks for validation rows and gets four, and drops the last, smaller batch; sktime does not shuffle. What a fit does once
(keras traces and compiles its step) is in the time of its batches; "compiled before" fits a model that was fitted already.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from _common import interleave, markdown, ratios

ROOT = Path(__file__).parents[1]
HEAD = ["case", "loop", "ms a batch", "to the raw loop, a batch", "its wall time", "whole fit"]
HEAD += ["sklearn_seq to the raw loop", "loop to sklearn_seq, a batch"]
N_CLASSES = 3


class Case(NamedTuple):
    """Rows, timesteps, features; units and rows of a batch."""

    cell: str
    n: int
    t: int
    f: int
    hidden: int
    batch: int

    def __str__(self) -> str:
        return f"{self.cell} h{self.hidden} T{self.t} F{self.f} N{self.n} b{self.batch}"

    def batches(self, share: float = 1.0) -> int:
        """Batches of an epoch over this share of the rows."""
        return -(-int(self.n * share) // self.batch)


class Loop(NamedTuple):
    """A way to train, and how many batches an epoch of it has."""

    fit: Callable[[], object]
    batches: int


CASES = [Case(cell, 2000, 100, 3, 64, 32) for cell in ("LSTM", "GRU", "RNN")]
CASES += [Case(cell, 5000, 24, 1, 16, 64) for cell in ("LSTM", "GRU", "RNN")]


def raw(case, X, y, epochs):
    """What a user writes by hand."""
    import torch

    Xt, yt = torch.from_numpy(X), torch.from_numpy(y)

    def fit():
        module = bare(case)
        optimizer = torch.optim.Adam(module.parameters(), lr=1e-3)
        for _ in range(epochs):
            for rows in torch.randperm(case.n).split(case.batch):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(module(Xt[rows]), yt[rows]).backward()
                optimizer.step()

    return {"raw": Loop(fit, case.batches())}


def bare(case):
    """A layer, the mean over time, a linear head."""
    import torch

    class Bare(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = getattr(torch.nn, case.cell)(case.f, case.hidden, batch_first=True)
            self.head = torch.nn.Linear(case.hidden, N_CLASSES)

        def forward(self, x):
            return self.head(self.layer(x)[0].mean(dim=1))

    return Bare()


def ours(case, X, y, epochs):
    """The estimator that computes what the raw loop does."""
    import sklearn_seq

    estimator = getattr(sklearn_seq, f"{case.cell}Classifier")(
        hidden_size=case.hidden,
        batch_size=case.batch,
        max_epochs=epochs,
        pooling="mean",
        dropout=0.0,
        n_threads=1,
        random_state=0,
    )
    return {"sklearn_seq": Loop(lambda: estimator.fit(X, y), case.batches())}


def skorch(case, X, y, epochs):
    """The same network in a ``NeuralNetClassifier``."""
    import torch
    from skorch import NeuralNetClassifier

    net = partial(
        NeuralNetClassifier,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        max_epochs=epochs,
        batch_size=case.batch,
        verbose=0,
    )
    return {
        "skorch": Loop(lambda: net(bare(case)).fit(X, y), case.batches(0.8)),
        "skorch, no validation": Loop(lambda: net(bare(case), train_split=None).fit(X, y), case.batches()),
    }


def sktime(case, X, y, epochs):
    """Its classifiers on torch; there is none with an LSTM alone."""
    from sktime.classification.deep_learning.gru import GRUClassifier
    from sktime.classification.deep_learning.rnn import SimpleRNNClassifierTorch

    X = np.ascontiguousarray(X.transpose(0, 2, 1))
    common = {
        "hidden_dim": case.hidden,
        "num_epochs": epochs,
        "batch_size": case.batch,
        "optimizer": "Adam",
        "lr": 1e-3,
    }
    made = {
        "GRU": lambda: GRUClassifier(n_layers=1, batch_first=True, **common),
        "RNN": lambda: SimpleRNNClassifierTorch(activation_hidden="tanh", callbacks=None, **common),
    }
    return {"sktime": Loop(lambda: made[case.cell]().fit(X, y), case.batches())} if case.cell in made else {}


def tsai(case, X, y, epochs):
    """Its networks in fastai's ``Learner``."""
    declare_torchvision()
    from tsai.basics import TSClassification, TSClassifier

    X = np.ascontiguousarray(X.transpose(0, 2, 1))

    def fit():
        learner = TSClassifier(
            X,
            y,
            splits=(list(range(case.n)), list(range(4))),
            path=tempfile.gettempdir(),
            arch=case.cell,
            arch_config={"hidden_size": case.hidden},
            bs=case.batch,
            tfms=[None, TSClassification()],
        )
        with learner.no_bar(), learner.no_logging():
            learner.fit(epochs, 1e-3)

    return {"tsai": Loop(fit, case.n // case.batch)}


def declare_torchvision():
    """Beside a torch without CUDA the wheel of torchvision does not load its operators, and its import fails over two."""
    import torch

    global library  # what it declares goes when it goes
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


def keras(case, X, y, epochs):
    """The same network in Keras on TensorFlow."""
    os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3")
    import keras
    import tensorflow

    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    cell = {"RNN": "SimpleRNN"}.get(case.cell, case.cell)

    def compiled():
        layers = [
            getattr(keras.layers, cell)(case.hidden, return_sequences=True),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(N_CLASSES),
        ]
        model = keras.Sequential([keras.Input(X.shape[1:]), *layers])
        model.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model

    fit = partial(keras.Model.fit, x=X, y=y, batch_size=case.batch, epochs=epochs, verbose=0)
    before = compiled()
    return {
        "keras": Loop(lambda: fit(compiled()), case.batches()),
        "keras, compiled before": Loop(lambda: fit(before), case.batches()),
    }


PEERS = {peer.__name__: peer for peer in (skorch, sktime, tsai, keras)}


def measure(peer: str, case: Case, rounds: int, epochs: int) -> list[list[str]]:
    """Rows of the table: every way in which a library trains this case."""
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(case.n, case.t, case.f)).astype(np.float32), rng.integers(0, N_CLASSES, case.n)
    theirs = PEERS[peer](case, X, y, epochs)
    if not theirs:
        return []
    loops = {**raw(case, X, y, epochs), **theirs, **ours(case, X, y, epochs)}
    clocks = interleave({name: loop.fit for name, loop in loops.items()}, rounds, both_clocks)
    cpu, wall = ({name: [pair[i] for pair in pairs] for name, pairs in clocks.items()} for i in range(2))
    whole = ratios(cpu, "raw")
    for seconds in (cpu, wall):  # from here on, of a batch
        for name, loop in loops.items():
            seconds[name] = [value / loop.batches / epochs for value in seconds[name]]
    to_raw, wall_to_raw, to_ours = ratios(cpu, "raw"), ratios(wall, "raw"), ratios(cpu, "sklearn_seq")
    return [
        [
            str(case),
            name,
            f"{1e3 * np.median(cpu[name]):.2f}",
            spread(to_raw[name]),
            f"{wall_to_raw[name][0]:.2f}",
            f"{whole[name][0]:.2f}",
            spread(to_raw["sklearn_seq"]),
            spread(to_ours[name]),
        ]
        for name in theirs
    ]


def both_clocks():
    """Processor time and wall time."""
    return np.array([time.process_time(), time.perf_counter()])


def spread(ratio):
    mid, low, high = ratio
    return f"{mid:.2f} ({low:.2f} to {high:.2f})"


def inside(peer, only, rounds, epochs):
    """In the library's environment: a line of JSON for each case. What libraries print goes to the errors."""
    warnings.simplefilter("ignore")
    for case in CASES:
        if only in str(case):
            with contextlib.redirect_stdout(sys.stderr):
                print(f"{peer}: {case}", flush=True)
                rows = measure(peer, case, rounds, epochs)
            print(json.dumps(rows), flush=True)


def outside(peer, options):
    """From our environment: make the library's, run this file there, collect the rows."""
    subprocess.run(["scripts/bench", "--peer", peer], cwd=ROOT, check=True)
    command = [ROOT / f".venv-peer-{peer}" / "bin" / "python", __file__, "--inside", peer, *options]
    run = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, text=True)
    rows = [row for line in run.stdout.splitlines() for row in json.loads(line)]
    return rows, run.returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--only", default="", help="cases with this in their name")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--inside", choices=PEERS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inside:
        return inside(args.inside, args.only, args.rounds, args.epochs)
    rows, failed = [], []
    for peer in args.peers.split(","):
        options = ["--rounds", str(args.rounds), "--epochs", str(args.epochs), "--only", args.only]
        found, status = outside(peer, options)
        rows += found
        failed += [peer] if status else []
    print(markdown(HEAD, sorted(rows, key=lambda row: [str(case) for case in CASES].index(row[0]))))
    if failed:
        sys.exit(f"cut short: {', '.join(failed)}")


if __name__ == "__main__":
    main()
