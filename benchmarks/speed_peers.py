"""``fit`` of recurrent classifiers: other libraries, ``sklearn_seq``, and a loop written by hand.

    scripts/bench speed_peers [-- --rounds 5 --epochs 4 --peers skorch keras --only h16]

Each library is a pair of files in ``benchmarks/peers``: what to install into its environment, where ours lives beside it, and
how it trains. There the raw loop, the library and ours take turns in one process, on one thread. The raw loop slices tensors
by a permutation and steps plain Adam; its network is a layer, the mean over time and a linear head, as in ours, skorch and
keras. sktime and tsai bring networks of the same size that read the last step. Rows, epochs and batch size are the same for
all, but a library trains as it comes: skorch keeps a fifth of the rows for validation, so its fit has fewer training batches
and predicts besides. A batch's time is a fit's time divided by its training batches. Processor time; ratios are medians over
rounds (lowest to highest).
"""

import argparse
import contextlib
import importlib
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from _common import interleave, markdown, ratios

ROOT = Path(__file__).parents[1]
PEERS = {path.stem: path.with_suffix(".txt") for path in sorted((ROOT / "benchmarks" / "peers").glob("*.py"))}
HEAD = [
    "case",
    "loop",
    "ms a batch",
    "to raw, a batch",
    "to raw, a fit",
    "sklearn_seq to raw",
    "to sklearn_seq, a batch",
]


class Case(NamedTuple):
    """Kind of layer; rows, timesteps, features; units, rows of a batch."""

    cell: str
    n: int
    t: int
    f: int
    hidden: int
    batch: int
    n_classes: int = 3

    def __str__(self):
        return f"{self.cell} h{self.hidden} T{self.t} F{self.f} N{self.n} b{self.batch}"

    def batches(self, share=1.0):
        """Batches of an epoch over this share of the rows."""
        return -(-int(self.n * share) // self.batch)

    def network(self):
        """What a user writes: a layer, the mean over time, a linear head."""
        import torch  # the driver has no need of it

        class Network(torch.nn.Module):
            def __init__(self, case):
                super().__init__()
                self.layer = getattr(torch.nn, case.cell)(case.f, case.hidden, batch_first=True)
                self.head = torch.nn.Linear(case.hidden, case.n_classes)

            def forward(self, x):
                return self.head(self.layer(x)[0].mean(dim=1))

        return Network(self)


CASES = [Case(cell, 2000, 100, 3, 64, 32) for cell in ("LSTM", "GRU", "RNN")]
CASES += [Case(cell, 5000, 24, 1, 16, 64) for cell in ("LSTM", "GRU", "RNN")]


def raw(case, X, y, epochs):
    """What a user writes by hand."""
    import torch

    X, y = torch.from_numpy(X), torch.from_numpy(y)

    def fit():
        module = case.network()
        optimizer = torch.optim.Adam(module.parameters(), lr=1e-3)
        for _ in range(epochs):
            for rows in torch.randperm(case.n).split(case.batch):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(module(X[rows]), y[rows]).backward()
                optimizer.step()

    return {"raw": (fit, case.batches())}


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
    return {"sklearn_seq": (lambda: estimator.fit(X, y), case.batches())}


def measure(library, case, rounds, epochs):
    """Rows of the table: one for each way in which the library trains this case."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(case.n, case.t, case.f)).astype(np.float32)
    y = rng.integers(0, case.n_classes, case.n)
    theirs = library.loops(case, X, y, epochs)  # name: (fit, batches of an epoch)
    if not theirs:
        return []
    loops = {**raw(case, X, y, epochs), **theirs, **ours(case, X, y, epochs)}
    of_fit = interleave({name: fit for name, (fit, _) in loops.items()}, rounds)
    of_batch = {name: [seconds / epochs / loops[name][1] for seconds in of_fit[name]] for name in loops}
    fit_to_raw, to_raw, to_ours = ratios(of_fit, "raw"), ratios(of_batch, "raw"), ratios(of_batch, "sklearn_seq")
    return [
        [
            str(case),
            name,
            f"{1e3 * np.median(of_batch[name]):.2f}",
            spread(to_raw[name]),
            f"{fit_to_raw[name][0]:.2f}",
            spread(to_raw["sklearn_seq"]),
            spread(to_ours[name]),
        ]
        for name in theirs
    ]


def spread(ratio):
    """Median, and lowest to highest."""
    return "{:.2f} ({:.2f} to {:.2f})".format(*ratio)


def inside(peer, only, rounds, epochs):
    """In the library's environment: its rows, a line of JSON for each case. What libraries print goes to the errors."""
    with contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        library = importlib.import_module(f"peers.{peer}")
        import torch

        torch.set_num_threads(1)
        torch.manual_seed(0)
        for case in CASES:
            if only in str(case):
                print(f"{peer}: {case}", flush=True)
                print(json.dumps(measure(library, case, rounds, epochs)), file=sys.__stdout__, flush=True)


def outside(peer, args):
    """Make the library's environment, run this file in it; its rows, and whether it came to the end."""
    subprocess.run(["scripts/bench", "--peer", peer], cwd=ROOT, check=True)
    command = [str(ROOT / f".venv-peer-{peer}" / "bin" / "python"), __file__, "--inside", peer]
    command += [f"--only={args.only}", f"--rounds={args.rounds}", f"--epochs={args.epochs}"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    return [row for line in run.stdout.splitlines() for row in json.loads(line)], run.returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--only", default="", help="the cases with this in their name")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--inside", choices=PEERS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inside:
        return inside(args.inside, args.only, args.rounds, args.epochs)
    rows, failed = [], []
    for peer in args.peers:
        found, complete = outside(peer, args)
        rows += found
        failed += [] if complete else [peer]
    order = [str(case) for case in CASES]
    print(markdown(HEAD, sorted(rows, key=lambda row: order.index(row[0]))), end="\n\n")
    for peer in args.peers:
        print(f"- {peer}: {', '.join(PEERS[peer].read_text().split())}")
    if failed:
        sys.exit(f"cut short: {', '.join(failed)}")


if __name__ == "__main__":
    main()
