"""An epoch over sequences of unequal length: buckets of length, against padding.

    scripts/bench speed_ragged [-- --rounds 5]

One thread, processor time of a fit. 1000 sequences with log-normal lengths (mean 70, at most 400), 3 features, 64 units, batches of
32. "padded to the longest" gives our estimator a rectangular array; "no buckets" pads each batch to its own longest; by hand
is torch's layer on packed sequences (``pack_padded_sequence``), in batches drawn by chance.
"""

import argparse

import numpy as np
import torch
from _common import Bare, interleave, markdown, ratios, spread
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import sklearn_seq
from sklearn_seq.training import batches

LAYERS = {"LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU}


def packed(layer, X, lengths, y, epochs):
    """The loop that a user writes with torch's packing, mean over the real steps."""
    module = Bare(layer, X.shape[2], 64, 3)
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3)
    for _ in range(epochs):
        order = torch.randperm(len(X))
        for i in range(0, len(X), 32):
            rows = order[i : i + 32]
            optimizer.zero_grad()
            inside = pack_padded_sequence(X[rows], lengths[rows], batch_first=True, enforce_sorted=False)
            hidden, n = pad_packed_sequence(module.layer(inside)[0], batch_first=True)
            mean = hidden.sum(dim=1) / n[:, None]
            torch.nn.functional.cross_entropy(module.head(mean), y[rows]).backward()
            optimizer.step()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.lognormal(np.log(70) - 0.32, 0.8, 1000), 2, 400).astype(int)
    lengths[0] = 400
    ragged = [rng.normal(size=(n, 3)).astype(np.float32) for n in lengths]
    padded = sklearn_seq.Sequences.from_list(ragged).to_padded(0.0)
    y = rng.integers(0, 3, len(ragged))
    Xt, yt, nt = torch.from_numpy(padded), torch.from_numpy(y), torch.from_numpy(lengths)
    rows = []
    for name, layer in LAYERS.items():
        model = getattr(sklearn_seq, f"{name}Classifier")(
            batch_size=32, max_epochs=1, pooling="mean", dropout=0.0, n_threads=1, random_state=0
        )

        def no_buckets(model=model):
            kept, batches._BUCKET = batches._BUCKET, 1
            try:
                model.fit(ragged, y)
            finally:
                batches._BUCKET = kept

        cases = {
            "padded to the longest": lambda model=model: model.fit(padded, y),
            "no buckets": no_buckets,
            "buckets": lambda model=model: model.fit(ragged, y),
            "by hand, packed": lambda layer=layer: packed(layer, Xt, nt, yt, 1),
        }
        seconds = interleave(cases, args.rounds)
        for case, found in ratios(seconds, "padded to the longest").items():
            rows.append([name, case, f"{np.median(seconds[case]):.2f}", *spread(found)])
            print(*rows[-1], flush=True)
    print(f"lengths: mean {lengths.mean():.0f}, longest {lengths.max()}")
    print(markdown(["cell", "an epoch", "seconds", "ratio", "spread"], rows))


if __name__ == "__main__":
    main()
