"""``fit`` and one forecast of forecasters: other libraries, ``sklearn_seq``, and a loop written by hand.

    scripts/bench speed_forecasting [-- --rounds 5 --epochs 3 --peers darts --only linear]

Each library is a pair of files in ``benchmarks/forecast_peers``: what to install into its environment, where ours lives beside
it, and how it trains. There the raw loop, the library and ours take turns in one process, on one thread: one series, the same
windows, epochs and batch size. The raw loop slices windows out of a strided view of the scaled series, takes each relative to
its last value, and steps plain Adam without clipping; ours trains that network, without clipping too. Networks of the libraries
are their own of that kind and size. ``sklearn_seq, solved`` is `LinearForecaster`, look-back given; our MLP is scikit-learn's in
`ReductionForecaster`. ``fit``: processor time; ratios are medians over rounds (lowest to highest). One forecast: wall time, the
least of many, less that of the network alone under ``inference_mode`` with a tensor that is ready.
"""

import argparse
import contextlib
import importlib
import json
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from _common import interleave, markdown, ratios

ROOT = Path(__file__).parents[1]
PEERS = {path.stem: path.with_suffix(".txt") for path in sorted((ROOT / "benchmarks" / "forecast_peers").glob("*.py"))}
FIT = ["fit", "loop", "ms a fit", "to raw", "to sklearn_seq"]
ANSWER = ["one forecast", "by", "ms", "ms more than the network"]
CALLS = 5  # a round


class Case(NamedTuple):
    """Kind of network; rows before and behind an origin, windows, rows of a batch, units."""

    kind: str
    lookback: int = 96
    horizon: int = 24
    n_windows: int = 3200
    batch: int = 32
    hidden: int = 64

    def __str__(self):
        units = "" if self.kind == "linear" else f" h{self.hidden}"
        return f"{self.kind}{units} {self.lookback} to {self.horizon}, {self.n_windows} windows, b{self.batch}"

    def series(self):
        """Days and noise, (n_rows, 1) of float32."""
        hours = np.arange(self.n_windows + self.lookback + self.horizon - 1)
        values = np.sin(hours / 24 * 2 * np.pi) + 0.3 * np.random.default_rng(0).normal(size=len(hours))
        return values.astype(np.float32)[:, None]

    def network(self):
        """What a user writes."""
        import torch  # the driver has no need of it

        class Network(torch.nn.Module):
            def __init__(self, case):
                super().__init__()
                hidden, self.layer = case.lookback, None
                if case.kind == "LSTM":
                    hidden, self.layer = case.hidden, torch.nn.LSTM(1, case.hidden, batch_first=True)
                elif case.kind == "MLP":
                    hidden = case.hidden
                    self.layer = torch.nn.Sequential(torch.nn.Linear(case.lookback, hidden), torch.nn.ReLU())
                self.recurrent = case.kind == "LSTM"
                self.head = torch.nn.Linear(hidden, case.horizon)

            def forward(self, x):  # (B, L)
                last = x[:, -1:]
                hidden = x - last
                if self.recurrent:
                    hidden = self.layer(hidden[:, :, None])[0][:, -1]
                elif self.layer is not None:
                    hidden = self.layer(hidden)
                return self.head(hidden) + last

        return Network(self)


CASES = [Case("LSTM"), Case("linear"), Case("MLP")]


def raw(case, X, epochs):
    """What a user writes by hand."""
    import torch

    def fit():
        series = torch.from_numpy(X[:, 0])
        series = (series - series.mean()) / series.std()
        windows = series.unfold(0, case.lookback + case.horizon, 1)
        module = case.network()
        optimizer = torch.optim.Adam(module.parameters(), lr=1e-3)
        for _ in range(epochs):
            for rows in torch.randperm(len(windows)).split(case.batch):
                window = windows[rows]
                optimizer.zero_grad()
                output = module(window[:, : case.lookback])
                torch.nn.functional.mse_loss(output, window[:, case.lookback :]).backward()
                optimizer.step()

    return fit


def ours(case, epochs):
    """Estimators by name: first the one that computes what the raw loop does."""
    from sklearn.neural_network import MLPRegressor

    import sklearn_seq

    windows = {"lookback": case.lookback, "horizon": case.horizon}
    trained = windows | {"batch_size": case.batch, "max_epochs": epochs, "gradient_clip": None}
    trained |= {"normalize": "last", "linear": "none", "n_threads": 1, "random_state": 0}
    if case.kind == "LSTM":
        lstm = sklearn_seq.LSTMForecaster(hidden_size=case.hidden, pooling="last", dropout=0.0, **trained)
        return {"sklearn_seq": lstm}
    if case.kind == "linear":
        solved = sklearn_seq.LinearForecaster(**windows)
        return {"sklearn_seq": sklearn_seq.NLinearForecaster(**trained), "sklearn_seq, solved": solved}
    network = MLPRegressor(
        hidden_layer_sizes=(case.hidden,),
        alpha=0.0,
        batch_size=case.batch,
        max_iter=epochs,
        n_iter_no_change=epochs,
        random_state=0,
    )
    return {"sklearn_seq": sklearn_seq.ReductionForecaster(network, **windows)}


def measure_fit(library, case, rounds, epochs):
    """Rows of the table for fit."""
    X = case.series()
    theirs = {name: lambda model=model: model().fit() for name, model in library.models(case, X, epochs).items()}
    own = {name: lambda model=model: model.fit(X) for name, model in ours(case, epochs).items()}
    seconds = interleave({"raw": raw(case, X, epochs), **theirs, **own}, rounds)
    to_raw, to_ours = ratios(seconds, "raw"), ratios(seconds, "sklearn_seq")
    return [
        [str(case), name, f"{1e3 * np.median(seconds[name]):.0f}", spread(to_raw[name]), spread(to_ours[name])]
        for name in seconds
    ]


def measure_answer(library, case, rounds):
    """Rows of the table for one forecast."""
    import torch

    X = case.series()
    later = X[: case.horizon]
    window = torch.from_numpy(X[None, -case.lookback - case.horizon :].copy())
    past = window[:, : case.lookback, 0]
    network = case.network().eval()
    bare = "the network by hand"
    cases, networks = {bare: lambda: network(past)}, {bare}
    for name, model in ours(case, 1).items():
        model.fit(X)
        if hasattr(model, "module_"):
            bare = f"module_ of {name}"
            cases[bare] = lambda module=model.module_: module(window)
            networks.add(bare)
        cases[f"{name}, forecast()"] = model.forecast
        cases[f"{name}, predict of {case.horizon} rows"] = lambda model=model: model.predict(later)
    for name, model in library.models(case, X, 1).items():
        cases[name] = model().fit()
    least = dict.fromkeys(cases, np.inf)
    for _ in range(rounds * 20):
        for name, answer in cases.items():
            with torch.inference_mode() if name in networks else contextlib.nullcontext():
                answer()
                began = time.perf_counter()
                for _ in range(CALLS):
                    answer()
                least[name] = min(least[name], (time.perf_counter() - began) / CALLS)
    return [
        [str(case), name, f"{1e3 * seconds:.3f}", f"{1e3 * (seconds - least[bare]):.3f}"]
        for name, seconds in least.items()
    ]


def spread(ratio):
    """Median, and lowest to highest."""
    return "{:.2f} ({:.2f} to {:.2f})".format(*ratio)


def inside(peer, only, rounds, epochs):
    """In the library's environment: its rows, a line of JSON for each case. What libraries print goes to the errors."""
    with contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        library = importlib.import_module(f"forecast_peers.{peer}")
        import torch

        torch.set_num_threads(1)
        torch.manual_seed(0)
        for case in CASES:
            if only in str(case):
                print(f"{peer}: {case}", flush=True)
                found = [measure_fit(library, case, rounds, epochs), measure_answer(library, case, rounds)]
                print(json.dumps(found), file=sys.__stdout__, flush=True)


def outside(peer, args):
    """Make the library's environment, run this file in it; its rows, and whether it came to the end."""
    subprocess.run(["scripts/bench", "--peer", peer], cwd=ROOT, check=True)
    command = [str(ROOT / f".venv-peer-{peer}" / "bin" / "python"), __file__, "--inside", peer]
    command += [f"--only={args.only}", f"--rounds={args.rounds}", f"--epochs={args.epochs}"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in run.stdout.splitlines()], run.returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--only", default="", help="the cases with this in their name")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--inside", choices=PEERS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inside:
        return inside(args.inside, args.only, args.rounds, args.epochs)
    failed = []
    for peer in args.peers:
        found, complete = outside(peer, args)
        failed += [] if complete else [peer]
        print(f"Beside {peer} ({', '.join(PEERS[peer].read_text().split())}):", end="\n\n")
        print(markdown(FIT, [row for fit, _ in found for row in fit]), end="\n\n")
        print(markdown(ANSWER, [row for _, answer in found for row in answer]), end="\n\n")
    if failed:
        sys.exit(f"cut short: {', '.join(failed)}")


if __name__ == "__main__":
    main()
