"""``fit`` of convolutional networks against a loop that a user would write around the same network in torch's own layers.

    python benchmarks/speed_convolution.py [--rounds 5] [--epochs 2] [--only Inception]

One thread, processor time of the same number of epochs over the same rows with the same batch size. The hand-written networks
take (B, F, T), convolve by ``Conv1d(padding="same")`` with the kernels and widths of the papers (Inception: 40, 20 and 10,
where the default here is 39, 19 and 9), and the loop slices tensors by a permutation and steps Adam. The last table is an
ensemble of ten networks of eight filters, trained as one, against ten hand-written fits. Ratios are medians over rounds (lowest
to highest).
"""

import argparse

import numpy as np
import torch
from _common import interleave, markdown, ratios, spread
from torch import nn

from sklearn_seq import (
    CNNClassifier,
    DeepEnsembleClassifier,
    FCNClassifier,
    InceptionClassifier,
    LITEClassifier,
    ResNetClassifier,
    TCNClassifier,
)


def same(before, after, size, **options):
    """A convolution as it stands in most code."""
    return nn.Conv1d(before, after, size, padding="same", bias=False, **options)


class FCN(nn.Module):
    """Three layers."""

    def __init__(self, f, widths=(128, 256, 128)):
        super().__init__()
        layers = []
        for before, after, size in zip((f, *widths), widths, (8, 5, 3), strict=False):
            layers += [same(before, after, size), nn.BatchNorm1d(after), nn.ReLU()]
        self.layers, self.width = nn.Sequential(*layers), widths[-1]

    def forward(self, x):
        return self.layers(x)


class ResNet(nn.Module):
    """Three blocks."""

    def __init__(self, f, widths=(64, 128, 128)):
        super().__init__()
        pairs = list(zip((f, *widths), widths, strict=False))
        self.blocks = nn.ModuleList(FCN(before, (width,) * 3).layers[:-1] for before, width in pairs)
        self.ways = nn.ModuleList(
            nn.BatchNorm1d(b) if a == b else nn.Sequential(same(a, b, 1), nn.BatchNorm1d(b)) for a, b in pairs
        )
        self.width = widths[-1]

    def forward(self, x):
        for block, way in zip(self.blocks, self.ways, strict=True):
            x = torch.relu(block(x) + way(x))
        return x


class InceptionModule(nn.Module):
    """One of six."""

    def __init__(self, f, width=32):
        super().__init__()
        self.bottleneck = same(f, width, 1) if f > 1 else nn.Identity()
        self.convs = nn.ModuleList(same(width if f > 1 else 1, width, size) for size in (40, 20, 10))
        self.pool, self.norm = nn.Sequential(nn.MaxPool1d(3, 1, 1), same(f, width, 1)), nn.BatchNorm1d(4 * width)

    def forward(self, x):
        inside = self.bottleneck(x)
        return torch.relu(self.norm(torch.cat([*(conv(inside) for conv in self.convs), self.pool(x)], dim=1)))


class Inception(nn.Module):
    """Six modules and two ways around."""

    def __init__(self, f, width=32):
        super().__init__()
        self.width = 4 * width
        self.parts = nn.ModuleList(InceptionModule(f if i == 0 else self.width, width) for i in range(6))
        self.ways = nn.ModuleList(
            nn.Sequential(same(n, self.width, 1), nn.BatchNorm1d(self.width)) for n in (f, self.width)
        )

    def forward(self, x):
        left = x
        for i, part in enumerate(self.parts):
            x = part(x)
            if i % 3 == 2:
                x = left = torch.relu(x + self.ways[i // 3](left))
        return x


class CNN(nn.Module):
    """What `CNNClassifier` computes, from its own body's sizes."""

    def __init__(self, f, **params):
        super().__init__()
        body = CNNClassifier(**PLAIN | {"stride": 1} | params).make_body(f)
        self.stem = nn.ModuleList(same(f, c.weight.shape[0], c.kernel_size) for c in body.stem)
        self.width = body.out_features
        self.norms = nn.ModuleList(nn.BatchNorm1d(self.width) for _ in body.norms)
        self.convs = nn.ModuleList(same(self.width, self.width, c.kernel_size, dilation=c.dilation) for c in body.convs)

    def forward(self, x):
        x = inside = torch.cat([conv(x) for conv in self.stem], dim=1)
        for i, conv in enumerate(self.convs):
            inside = conv(torch.relu(self.norms[i](inside)))
            if i % 2:
                x = inside = x + inside
        return torch.relu(self.norms[-1](x))


class LITE(nn.Module):
    """Learnt and fixed filters, then two depthwise separable convolutions; the values of the fixed ones do not matter here."""

    def __init__(self, f, width=32):
        super().__init__()
        self.first = nn.ModuleList(same(f, width, size) for size in (40, 20, 10))
        fixed = [(1, n) for n in (2, 4, 8, 16, 32, 64) for _ in range(2)] + [(1, n) for n in (6, 12, 24, 48, 96)]
        self.fixed = nn.ModuleList(same(f, n, size).requires_grad_(False) for n, size in fixed)
        n = 3 * width + len(fixed)
        self.rest = nn.Sequential(
            nn.BatchNorm1d(n),
            nn.ReLU(),
            *self.separable(n, width, 20, 2),
            *self.separable(width, width, 10, 4),
        )
        self.width = width

    @staticmethod
    def separable(before, width, size, dilation):
        """Depthwise, then across features."""
        depthwise = same(before, before, size, dilation=dilation, groups=before)
        return depthwise, same(before, width, 1), nn.BatchNorm1d(width), nn.ReLU()

    def forward(self, x):
        return self.rest(torch.cat([conv(x) for conv in (*self.first, *self.fixed)], dim=1))


class TCN(nn.Module):
    """Five causal blocks."""

    def __init__(self, f, width=32, size=5, n_blocks=5):
        super().__init__()
        self.width = width
        norm = nn.utils.parametrizations.weight_norm
        self.blocks = nn.ModuleList()
        for i in range(n_blocks):
            before, reach = (f if i == 0 else width), (size - 1) * 2**i
            layers = []
            for n in (before, width):
                conv = nn.Conv1d(n, width, size, dilation=2**i)
                layers += [nn.ConstantPad1d((reach, 0), 0.0), norm(conv), nn.ReLU()]
            self.blocks.append(nn.Sequential(*layers))
        self.way = nn.Conv1d(f, width, 1)

    def forward(self, x):
        for i, block in enumerate(self.blocks):
            x = torch.relu(block(x) + (x if i else self.way(x)))
        return x


class Whole(nn.Module):
    """With the mean over time, or last, mean and maximum, and a linear head."""

    def __init__(self, body, n_classes, concat=False):
        super().__init__()
        self.body, self.concat = body, concat
        self.head = nn.Linear(body.width * (3 if concat else 1), n_classes)

    def forward(self, x):
        x = self.body(x)
        pooled = torch.cat([x[..., -1], x.mean(dim=2), x.amax(dim=2)], dim=1) if self.concat else x.mean(dim=2)
        return self.head(pooled)


def loop(make, X, y, batch, epochs):
    """What a user writes."""
    torch.manual_seed(0)
    module = make()
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3)
    for _ in range(epochs):
        order = torch.randperm(len(X))
        for i in range(0, len(X), batch):
            rows = order[i : i + batch]
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(module(X[rows]), y[rows])
            loss.backward()
            optimizer.step()
    return module


PLAIN = {"views": "values"}  # both read the values alone
NETWORKS = {
    "Inception": (InceptionClassifier, Inception, PLAIN),
    "FCN": (FCNClassifier, FCN, PLAIN | {"n_filters": 128}),
    "ResNet": (ResNetClassifier, ResNet, PLAIN | {"n_filters": 64}),
    "CNN": (CNNClassifier, CNN, PLAIN | {"stride": 1, "dropout": 0.0}),
    "LITE": (LITEClassifier, LITE, PLAIN),
    "TCN": (TCNClassifier, TCN, PLAIN | {"dropout": 0.0}),
}
SHAPES = [(320, 150, 1, 16), (320, 100, 6, 16), (160, 500, 1, 16)]  # rows, steps, features, batch


def measure(name, shape, rounds, epochs):
    """Rows of the table of a network."""
    estimator, bare, params = NETWORKS[name]
    n, t, f, batch = shape
    X, y, Xt, yt = data(n, t, f)
    common = {"max_epochs": epochs, "batch_size": batch, "n_threads": 1, "random_state": 0, **params}
    concat = estimator().pooling == "concat"
    cases = {
        "hand-written": lambda: loop(lambda: Whole(bare(f), 3, concat), Xt, yt, batch, epochs),
        "sklearn_seq": lambda: estimator(**common).fit(X, y),
        "sklearn_seq, bf16": lambda: estimator(**common, precision="bf16").fit(X, y),
    }
    seconds = interleave(cases, rounds)
    steps = epochs * -(-n // batch)
    return [
        [f"{name} T{t} F{f}", case, f"{1e3 * np.median(seconds[case]) / steps:.1f}", *spread(ratio)]
        for case, ratio in ratios(seconds, "hand-written").items()
    ]


def measure_ensemble(t, batch, rounds, epochs, members=10):
    """Rows of the table of ensembles."""
    params = PLAIN | {"n_filters": 8, "stride": 1, "dropout": 0.0}
    X, y, Xt, yt = data(320, t, 1)
    model = CNNClassifier(**params, max_epochs=epochs, batch_size=batch, n_threads=1)
    ensemble = DeepEnsembleClassifier(model, n_estimators=members, random_state=0)

    def fits():
        for _ in range(members):
            loop(lambda: Whole(CNN(1, **params), 3, model.pooling == "concat"), Xt, yt, batch, epochs)

    seconds = interleave({"ten hand-written fits": fits, "ensemble of ten": lambda: ensemble.fit(X, y)}, rounds)
    return [
        [f"CNN, 8 filters, T{t} b{batch}", case, f"{np.median(seconds[case]):.2f}", *spread(ratio)]
        for case, ratio in ratios(seconds, "ten hand-written fits").items()
    ]


def data(n, t, f):
    """Noise: what matters here is its size."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, t, f)).astype(np.float32)
    y = rng.integers(0, 3, n)
    return X, y, torch.from_numpy(X).transpose(1, 2).contiguous(), torch.from_numpy(y)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    torch.set_num_threads(1)
    names = [name for name in NETWORKS if args.only in name]
    rows = [row for name in names for shape in SHAPES for row in measure(name, shape, args.rounds, args.epochs)]
    if rows:
        print(markdown(["fit", "", "ms a batch", "ratio", "spread"], rows), end="\n\n")
    if args.only in "ensemble":
        rows = [row for t, b in ((24, 16), (100, 16)) for row in measure_ensemble(t, b, args.rounds, args.epochs)]
        print(markdown(["fit of an ensemble", "", "s", "ratio", "spread"], rows))


if __name__ == "__main__":
    main()
