"""SequenceVAE against probabilistic PCA and a VAE of plain layers, its samples, and gaps that it fills.

    python benchmarks/accuracy_vae.py bounds [--seeds 3] [--only MNIST] [--held-out] [--also '{"residuals": "independent"}']
    python benchmarks/accuracy_vae.py samples
    python benchmarks/accuracy_vae.py gaps [--held-out]

bounds: MNIST (4,000 and 1,000 pictures as 28 steps of 28 pixels; a number by chance in [0, 1) is added to each pixel, and the sum
divided by 256, so that densities are those of numbers), JapaneseVowels (official split) and MSR Action3D (odd and even subjects).
All models have 16 latent dimensions, and all figures are nats a sequence in the units of the data, of the values of the real
steps alone. The linear models see the sequences standardised by feature, flattened and padded with zeros; of a shorter sequence
their exact marginal density of the real steps is taken. ``PPCA`` is the maximum likelihood solution, one variance for all;
``FA`` is scikit-learn's FactorAnalysis, a variance for each step and feature; ``PPCA, real steps`` is fitted to the real steps alone
by EM. ``MLP-VAE`` has two layers of 256 units each way over the padded sequence, a mean and a deviation for each step and feature, and
a likelihood of the real steps alone. `SequenceVAE` has ``residuals="lasting"``, if ``--also`` does not say otherwise. Bounds are the
mean of 64 draws. Of both networks the epoch is kept that is best on a tenth of the training part, of skeletons on one of its
subjects. With ``--held-out`` a fifth of the training part, or a subject, is judged instead of the test part, as when parameters were
chosen.
"""

import argparse
import json
import time

import numpy as np
import torch
from _common import data_folder, markdown
from sklearn.decomposition import FactorAnalysis

from sklearn_seq import Sequences, SequenceVAE

LATENT = 16
EPOCHS = 200
# of densities; chosen with --held-out on JapaneseVowels and, one subject held out, on MSR Action3D
DENSITY = {"hide": 0.0, "lr": 3e-3, "weight_decay": 0.3, "residuals": "lasting"}


# -- data ----------------------------------------------------------------------------------------------------------------


def mnist():
    file, rng = np.load(data_folder() / "mnist_5k" / "mnist_5k.npz"), np.random.default_rng(0)
    parts = [file["X_train"], file["X_test"]]
    return [Sequences.from_array(((x + rng.random(x.shape)) / 256).astype(np.float32)) for x in parts], None


def vowels():
    file = np.load(data_folder() / "uea_multivariate" / "JapaneseVowels.npz")
    return [Sequences.from_padded(file[f"X_{part}"], file[f"len_{part}"]) for part in ("train", "test")], None


def skeletons():
    file = np.load(data_folder() / "msr_action3d" / "msr_action3d.npz")
    rows = [x[:n].reshape(n, -1) for x, n in zip(file["X"].astype(np.float32), file["length"], strict=True)]
    odd = file["subject"] % 2 == 1
    parts = [Sequences.from_list([rows[i] for i in np.flatnonzero(which)]) for which in (odd, ~odd)]
    return parts, file["subject"][odd]


SETS = {"MNIST 5k": mnist, "JapaneseVowels": vowels, "MSR Action3D": skeletons}


def parts_of(name, held_out):
    """What is learnt from, what is judged, and of the first who moves, or None."""
    (train, test), groups = SETS[name]()
    if not held_out:
        return train, test, groups
    judged = np.zeros(len(train), bool)
    if groups is None:
        judged[np.random.default_rng(0).permutation(len(train))[: len(train) // 5]] = True
    else:
        judged = groups == groups.max()
    left, right = np.flatnonzero(~judged), np.flatnonzero(judged)
    return train[left], train[right], None if groups is None else groups[left]


class Padded:
    """Standardised by feature of the training part, padded with zeros and flattened; and what that costs in nats."""

    def __init__(self, train):
        values = train.to_block().values.astype(np.float64)
        self.mean, self.deviation = values.mean(axis=0), values.std(axis=0)
        self.deviation[self.deviation == 0] = 1.0
        self.longest = int(train.lengths.max())

    def __call__(self, data):
        """Numbers (n, T F), whether they are of real steps, and the logarithm of the Jacobian of each row."""
        # a test sequence that is longer than any in training is cut, for all models alike
        x = np.zeros((len(data), self.longest, data.n_features))
        there = np.zeros(x.shape, bool)
        for i, row in enumerate(data):
            x[i, : len(row)] = (row - self.mean) / self.deviation
            there[i, : len(row)] = True
        jacobian = -there.any(axis=2).sum(axis=1) * np.log(self.deviation).sum()
        return x.reshape(len(x), -1), there.reshape(len(x), -1), jacobian


def cut(data, longest):
    return Sequences.from_list([row[:longest] for row in data])


# -- linear models -------------------------------------------------------------------------------------------------------


def marginal(x, there, mean, W, variance):
    """log N(x; mean, W W' + diag(variance)) of the values that are there, for each row."""
    out = np.empty(len(x))
    for i, (row, known) in enumerate(zip(x, there, strict=True)):
        away, w, v = (row - mean)[known], W[known], variance[known]
        inner = np.eye(W.shape[1]) + (w / v[:, None]).T @ w
        inside = (w / v[:, None]).T @ away
        square = away @ (away / v) - inside @ np.linalg.solve(inner, inside)
        out[i] = -0.5 * (square + np.linalg.slogdet(inner)[1] + np.log(v).sum() + known.sum() * np.log(2 * np.pi))
    return out


def ppca(x):
    """Tipping and Bishop (1999), in closed form."""
    mean = x.mean(axis=0)
    _, s, vt = np.linalg.svd(x - mean, full_matrices=False)
    values = s**2 / len(x)
    rest = values[LATENT:].sum() / (x.shape[1] - LATENT)
    return mean, vt[:LATENT].T * np.sqrt(np.maximum(values[:LATENT] - rest, 0)), np.full(x.shape[1], rest)


def ppca_of_real_steps(x, there, n_iter=100):
    """The same model of what is there, by EM from the closed form over all."""
    mean, W, variance = ppca(x)
    mean = (x * there).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    rest, q = variance[0], W.shape[1]
    for _ in range(n_iter):
        first, second = np.zeros((len(x), q + 1)), np.zeros((len(x), q + 1, q + 1))
        for i, known in enumerate(there):
            w = W[known]
            inverse = np.linalg.inv(w.T @ w + rest * np.eye(q))
            m = inverse @ (w.T @ (x[i] - mean)[known])
            z = np.append(m, 1.0)
            first[i], second[i] = z, np.outer(z, z)
            second[i, :q, :q] += rest * inverse
        # weights and mean of each value, of the rows that have it
        A = np.tensordot(there.T.astype(float), second, axes=1) + 1e-6 * np.eye(q + 1)
        b = (x * there).T @ first
        both = np.linalg.solve(A, b[:, :, None])[:, :, 0]
        W, mean = both[:, :q], both[:, q]
        square = (x**2 * there).sum() - 2 * (both * b).sum() + np.einsum("dq,dqr,dr->", both, A, both)
        rest = max(square / there.sum(), 1e-6)
    return mean, W, np.full(x.shape[1], rest)


# -- a VAE of plain layers -----------------------------------------------------------------------------------------------


class MLPVAE(torch.nn.Module):
    def __init__(self, n, by_step=True):
        super().__init__()
        layers = torch.nn
        self.encoder = layers.Sequential(
            layers.Linear(n, 256), layers.ReLU(), layers.Linear(256, 256), layers.ReLU(), layers.Linear(256, 2 * LATENT)
        )
        self.decoder = layers.Sequential(
            layers.Linear(LATENT, 256), layers.ReLU(), layers.Linear(256, 256), layers.ReLU(), layers.Linear(256, 2 * n)
        )

    def weights(self, x, there, noise, beta=1.0):
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        log_variance = log_variance.clamp(-12, 6)
        z = mean + noise * (0.5 * log_variance).exp()
        center, log_deviation = self.decoder(z).chunk(2, dim=1)
        log_deviation = log_deviation.clamp(-6, 4)
        each = -0.5 * ((x - center) * (-log_deviation).exp()) ** 2 - log_deviation - 0.5 * np.log(2 * np.pi)
        divergence = 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance).sum(dim=1)
        return (each * there).sum(dim=1) - beta * divergence


def mlp_vae(x, there, x_test, there_test, groups, seed):
    """Adam, 10 % or one subject held out to keep the best epoch; the divergence rises in the first fifth."""
    torch.manual_seed(seed)
    x, there, x_test, there_test = (torch.tensor(a, dtype=torch.float32) for a in (x, there, x_test, there_test))
    order = torch.randperm(len(x))
    n = len(x) // 10
    valid, train = order[:n], order[n:]
    if groups is not None:
        one = torch.from_numpy(groups == np.random.default_rng(seed).choice(np.unique(groups)))
        valid, train = order[one[order]], order[~one[order]]
    model = MLPVAE(x.shape[1])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    noise = torch.randn(16, 1, LATENT)
    best, kept = -np.inf, None
    for epoch in range(EPOCHS):
        for rows in train[torch.randperm(len(train))].split(64):
            beta = min(1.0, (epoch + 1) / (0.2 * EPOCHS))
            loss = -model.weights(x[rows], there[rows], torch.randn(len(rows), LATENT), beta).mean() / x.shape[1]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            score = torch.stack([model.weights(x[valid], there[valid], e) for e in noise]).mean().item()
        if score > best:
            best, kept = score, {k: v.clone() for k, v in model.state_dict().items()}
    model.load_state_dict(kept)
    with torch.no_grad():
        return (
            torch.stack([model.weights(x_test, there_test, torch.randn(1, LATENT)) for _ in range(64)]).mean(0).numpy()
        )


def model_of(seed, **params):
    base = {"latent_size": LATENT, "max_epochs": EPOCHS, "early_stopping": True, "n_iter_no_change": EPOCHS}
    return SequenceVAE(**base | {"random_state": seed} | params)


def bounds(names, seeds, held_out, density):
    table = []
    for name in names:
        train, test, groups = parts_of(name, held_out)
        padded = Padded(train)
        test = cut(test, padded.longest)
        (x, there, _), (x_test, there_test, jacobian) = padded(train), padded(test)
        row = {"data": name, "values a sequence": there_test.sum(axis=1).mean()}
        row["PPCA"] = (marginal(x_test, there_test, *ppca(x)) + jacobian).mean()
        fa = FactorAnalysis(LATENT, random_state=0).fit(x)
        row["FA"] = (
            marginal(x_test, there_test, fa.mean_, fa.components_.T, np.maximum(fa.noise_variance_, 1e-6)) + jacobian
        ).mean()
        if not there.all():
            row["PPCA, real steps"] = (marginal(x_test, there_test, *ppca_of_real_steps(x, there)) + jacobian).mean()
        print(row, flush=True)
        mlp, own = [], []
        for seed in range(seeds):
            began = time.time()
            mlp.append((mlp_vae(x, there, x_test, there_test, groups, seed) + jacobian).mean())
            print(name, seed, "MLP-VAE", round(mlp[-1], 1), f"{time.time() - began:.0f} s", flush=True)
            began = time.time()
            own.append(model_of(seed, **density).fit(train, groups=groups).score_samples(test, n_samples=64).mean())
            print(name, seed, "SequenceVAE", round(own[-1], 1), f"{time.time() - began:.0f} s", flush=True)
        row["MLP-VAE"], row["SequenceVAE"] = np.mean(mlp), np.mean(own)
        table.append(row)
    columns = ["values a sequence", "PPCA", "PPCA, real steps", "FA", "MLP-VAE", "SequenceVAE"]
    lines = [[row["data"], *(f"{row[c]:.1f}" if c in row else "" for c in columns)] for row in table]
    print(markdown(["data", *columns], lines))


# -- samples -------------------------------------------------------------------------------------------------------------


def autocorrelation(X, lags):
    """Of windows (n, T), about the mean of all."""
    away = X - X.mean()
    return [float((away[:, lag:] * away[:, : X.shape[1] - lag]).mean() / (away**2).mean()) for lag in lags]


def samples():
    """Windows of 48 months of the sea temperatures of El Nino: the training part, and as many drawn."""
    from sklearn_seq.datasets import load_el_nino

    series = load_el_nino().data[:, 0]
    X = np.lib.stride_tricks.sliding_window_view(series, 48)[::3].copy()
    drawn = SequenceVAE(max_epochs=EPOCHS, random_state=0).fit(X).sample(2000, random_state=0)
    shares, lags = [1, 5, 25, 50, 75, 95, 99], [1, 2, 3, 6, 9, 12, 18, 24]
    table = [["mean", X.mean(), drawn.mean()], ["deviation", X.std(), drawn.std()]]
    table += [[f"{q} %", np.percentile(X, q), np.percentile(drawn, q)] for q in shares]
    pairs = zip(lags, autocorrelation(X, lags), autocorrelation(drawn, lags), strict=True)
    table += [[f"autocorrelation, lag {lag}", one, other] for lag, one, other in pairs]
    print(markdown(["", f"{len(X)} windows", "2000 samples"], [[n, f"{a:.2f}", f"{b:.2f}"] for n, a, b in table]))


# -- gaps ----------------------------------------------------------------------------------------------------------------

WINDOW = 168


def etth1(held_out):
    """Windows of a week of the training rows, one every 6 rows; and those of the test (or validation) rows behind one another."""
    path = data_folder() / "ett_etth1" / "ETTh1.csv.gz"
    table = np.genfromtxt(path, delimiter=",", skip_header=1, usecols=range(1, 8))
    mean, deviation = table[:8640].mean(axis=0), table[:8640].std(axis=0)
    table = (table - mean) / deviation
    every = np.lib.stride_tricks.sliding_window_view(table, WINDOW, axis=0).transpose(0, 2, 1)
    first = 8640 if held_out else 11520
    return every[: 8640 - WINDOW + 1 : 6].copy(), every[first : first + 2880 - WINDOW + 1 : WINDOW].copy()


def m4_hourly(held_out):
    """Each series by the mean and deviation of its training rows; the last week is judged (or the week before it)."""
    path = data_folder() / "m4_hourly"

    def read(name):
        lines = np.genfromtxt(path / name, delimiter=",", skip_header=1, dtype=str)
        return [np.array([float(cell.strip('"')) for cell in line[1:] if cell.strip('"')]) for line in lines]

    rng, train, test = np.random.default_rng(0), [], []
    for one, other in zip(read("Hourly-train.csv.gz"), read("Hourly-test.csv.gz"), strict=True):
        series = np.concatenate([one, other])
        series = series[: len(series) - WINDOW] if held_out else series
        past, week = series[:-WINDOW], series[-WINDOW:]
        mean, deviation = past.mean(), past.std()
        if deviation == 0:
            continue
        starts = rng.integers(0, len(past) - WINDOW + 1, size=8)
        train += [((past[i : i + WINDOW] - mean) / deviation)[:, None] for i in starts]
        test.append(((week - mean) / deviation)[:, None])
    return np.stack(train), np.stack(test)


def with_gaps(X, seed):
    """A gap of 10 to 30 steps in all features of each window, with a known step on both sides."""
    rng, out = np.random.default_rng(seed), X.copy()
    for window in out:
        n = rng.integers(10, 31)
        start = rng.integers(1, WINDOW - n)
        window[start : start + n] = np.nan
    return out


def straight(X):
    out = X.copy()
    for window in out:
        for column in window.T:
            there = ~np.isnan(column)
            column[~there] = np.interp(np.flatnonzero(~there), np.flatnonzero(there), column[there])
    return out


def a_day_apart(X):
    """The mean of the value a day before and a day after, or of two days where the first is missing; else the straight line."""
    out, line = X.copy(), straight(X)
    for window, own, filled in zip(out, X, line, strict=True):
        for t in np.flatnonzero(np.isnan(own[:, 0])):
            near = []
            for side in (-1, 1):
                far = [t + side * 24 * d for d in (1, 2) if 0 <= t + side * 24 * d < len(own)]
                near += [own[u] for u in far if not np.isnan(own[u, 0])][:1]
            window[t] = np.mean(near, axis=0) if near else filled[t]
    return out


def gaps(held_out, params):
    rows = []
    for name, load in {"ETTh1": etth1, "M4 hourly": m4_hourly}.items():
        train, test = load(held_out)
        train, test = train.astype(np.float32), test.astype(np.float32)
        began = time.process_time()
        model = SequenceVAE(**{"max_epochs": 30, "random_state": 0} | params).fit(train)
        cost = time.process_time() - began
        errors = {"straight line": [], "a day apart": [], "SequenceVAE": []}
        for seed in range(5):
            X = with_gaps(test, seed)
            gone = np.isnan(X)
            for how, fill in zip(errors, (straight, a_day_apart, model.impute), strict=True):
                errors[how].append(np.mean((fill(X) - test)[gone] ** 2))
        rows.append([name, len(train), len(test), *(f"{np.sqrt(np.mean(e)):.3f}" for e in errors.values())])
        print(rows[-1], f"{cost:.0f} s of the processor", model.residual_correlation_.round(3), flush=True)
    print(markdown(["data", "windows to train on", "windows with a gap", *errors], rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["bounds", "samples", "gaps"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", choices=[*SETS], nargs="*", default=[*SETS])
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--also", default="{}", help="bounds: parameters to change, as JSON")
    given = parser.parse_args()
    if given.what == "bounds":
        bounds(given.only, given.seeds, given.held_out, DENSITY | json.loads(given.also))
    elif given.what == "samples":
        samples()
    else:
        gaps(given.held_out, {})
