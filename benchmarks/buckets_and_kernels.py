"""Length buckets and this package's own recurrent kernels cost no accuracy.

    python benchmarks/buckets_and_kernels.py [--seeds 5] [--only JapaneseVowels] [--estimators GRU RNN] [--buckets 1 16]

Training parts alone, folds of them by ``StratifiedKFold(shuffle=True, random_state=0)``, the mean of the folds: JapaneseVowels (270
sequences of 7 to 26 steps, 5 folds), indoor movement (groups 1 and 2, 210 sequences of 19 to 119 steps, 5 folds), and spoken digits
(1800 recordings of four speakers, powers in 16 bands, 7 to 88 steps, 2 folds of small networks: hidden_size=32, 20 epochs). Other
parameters are defaults. A bucket of 1 batch sorts nothing but the rows inside a batch, so batches are drawn by chance alone. Sets
of fewer than 24 batches are not sorted unless ``--small 0`` is given. "difference" is to the line above of the same estimator, seed
by seed, with its standard error.
"""

import argparse
import sys
import time

import numpy as np
from _common import data_folder, markdown
from accuracy_classification import official
from scipy.signal import spectrogram
from sklearn.model_selection import StratifiedKFold, cross_val_score

import sklearn_seq
from sklearn_seq import Sequences, joint_training
from sklearn_seq.datasets import read_wav
from sklearn_seq.training import batches

HEAD = ["set", "estimator", "kernel", "bucket", "accuracy, mean of seeds", "deviation", "difference", "standard error"]


def vowels():
    """The training part of the official split."""
    return official("JapaneseVowels")[0][0]


def movement():
    """The two rooms that the heterogeneous split trains on."""
    file = np.load(data_folder() / "indoor_movement" / "indoor_movement.npz")
    rows = file["group"] < 3
    return Sequences.from_padded(file["X"][rows], file["length"][rows]), file["y"][rows]


def digits():
    """Powers in bands of spoken digits, on a logarithmic scale."""
    folder, X, y = data_folder() / "free_spoken_digits" / "recordings", [], []
    for path in sorted(folder.glob("*.wav")):
        digit, _, index = path.stem.split("_")
        if int(index) >= 5:  # the others are the test part
            samples, rate = read_wav(path)
            _, _, power = spectrogram(np.ravel(samples), rate, nperseg=256, noverlap=128)  # (129, T)
            X.append(np.log(power[1:].reshape(16, 8, -1).mean(axis=1) + 1e-10).T)  # (T, 16)
            y.append(int(digit))
    return X, np.array(y)


SETS = {"JapaneseVowels": vowels, "indoor movement": movement, "spoken digits": digits}
SMALLER = {"spoken digits": {"hidden_size": 32, "max_epochs": 20}}
FOLDS = {"spoken digits": 2}


def accuracies(name, X, y, seeds, bucket, n_folds=5, **parameters):
    """Mean accuracy of the folds, by seed."""
    before, batches._BUCKET = batches._BUCKET, bucket
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=0)
    try:
        found = []
        for seed in range(seeds):
            model = getattr(sklearn_seq, f"{name}Classifier")(random_state=seed, n_threads=1, **parameters)
            with joint_training():
                found.append(cross_val_score(model, X, y, cv=folds).mean())
        return np.array(found)
    finally:
        batches._BUCKET = before


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--estimators", nargs="*", default=["GRU", "RNN", "LSTM"])
    parser.add_argument("--buckets", nargs="*", type=int, default=[1, 16])
    parser.add_argument("--small", type=int, default=batches._SMALL, help="sets of fewer batches are not sorted")
    parser.add_argument("--buckets-only", action="store_true", help="leave out the other kernel, which is slow")
    args = parser.parse_args()
    batches._SMALL = args.small
    if data_folder() is None:
        sys.exit("the data are not here: set SKLEARN_SEQ_DATA to the folder that holds uea_multivariate")
    rows = []
    for name, read in SETS.items():
        if args.only not in name:
            continue
        X, y = read()
        for estimator in args.estimators:
            ways = [("auto", bucket) for bucket in args.buckets]
            if not args.buckets_only:
                ways += [("torch" if estimator != "LSTM" else "own", args.buckets[-1])]
            above = None
            for kernel, bucket in ways:
                began = time.perf_counter()
                found = accuracies(
                    estimator, X, y, args.seeds, bucket, FOLDS.get(name, 5), kernel=kernel, **SMALLER.get(name, {})
                )
                own = kernel if kernel != "auto" else "torch" if estimator == "LSTM" else "own"
                row = [name, estimator, own, bucket, f"{found.mean():.4f}", f"{found.std(ddof=1):.4f}"]
                if above is None:
                    row += ["", ""]
                else:
                    gap = found - above
                    row += [f"{gap.mean():+.4f}", f"{gap.std(ddof=1) / len(gap) ** 0.5:.4f}"]
                above = found
                rows.append(row)
                print(*row, f"{time.perf_counter() - began:.0f} s", sep="  ", flush=True)
    print(markdown(HEAD, rows))


if __name__ == "__main__":
    main()
