"""Recurrent layers: torch's, this package's, and this package's for several replicas at once.

    scripts/bench speed_kernels [-- --rounds 5]

One thread, processor time, forward and backward through one layer with the gradient of the weights. "alone" is the ratio of
our kernel to torch's layer; "5, 10, 20 at once" is the time a replica takes among so many, to torch's layer alone. What
``sklearn_seq.layers.recurrent`` chooses by size follows this table.
"""

import argparse
import copy

import torch
from _common import interleave, markdown, ratios

from sklearn_seq.layers.kernels import Workspaces, run_layer

SIZES = [
    (8, 24, 1, 16),
    (32, 24, 1, 16),
    (64, 24, 1, 16),
    (32, 50, 8, 32),
    (8, 100, 3, 64),
    (32, 100, 3, 64),
    (64, 96, 1, 128),
]
CELLS = {"RNN": torch.nn.RNN, "GRU": torch.nn.GRU, "LSTM": torch.nn.LSTM}
REPLICAS = (5, 10, 20)


def joined(layers):
    """A layer whose parameters are stacked."""
    joint = copy.deepcopy(layers[0])
    for name, _ in layers[0].named_parameters():
        stacked = torch.stack([getattr(layer, name).detach() for layer in layers])
        setattr(joint, name, torch.nn.Parameter(stacked))
    return joint


def repeat(n, forward):
    def run():
        for _ in range(n):
            forward().sum().backward()

    return run


def measure(cell, size, rounds):
    n_rows, n_steps, n_features, hidden = size
    layers = [cell(n_features, hidden, batch_first=True) for _ in range(max(REPLICAS))]
    x = torch.randn(n_rows, n_steps, n_features)
    n = max(2, int(1e8 / (n_rows * n_steps * hidden * (hidden + 200))))
    spaces = {r: Workspaces() for r in (1, *REPLICAS)}
    cases = {
        "torch": repeat(n, lambda: layers[0](x)[0].mean(dim=1)),
        "own": repeat(n, lambda: run_layer(layers[0], x, spaces[1]).mean(dim=1)),
    }
    for r in REPLICAS:
        joint, xs = joined(layers[:r]), torch.randn(r, *x.shape)
        few = max(1, n // r)
        cases[f"{r}"] = repeat(few, lambda joint=joint, xs=xs, r=r: run_layer(joint, xs, spaces[r]).mean(dim=2))
    seconds = interleave(cases, rounds)
    for r in REPLICAS:
        few = max(1, n // r)
        seconds[f"{r}"] = [value * n / (few * r) for value in seconds[f"{r}"]]
    return {name: median for name, (median, _, _) in ratios(seconds, "torch").items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for n_rows, n_steps, n_features, hidden in SIZES:
        for name, cell in CELLS.items():
            found = measure(cell, (n_rows, n_steps, n_features, hidden), args.rounds)
            size = f"B{n_rows} T{n_steps} F{n_features} H{hidden}"
            rows.append([size, name, *(f"{found[case]:.2f}" for case in ("own", *map(str, REPLICAS)))])
            print(*rows[-1], flush=True)
    print(markdown(["batch", "cell", "alone", *(f"{r} at once" for r in REPLICAS)], rows))


if __name__ == "__main__":
    main()
