"""``MiniRocket``, ``MultiRocket`` and ``Hydra``: ours and aeon's compiled code.

    scripts/bench --peer aeon
    .venv-peer-aeon/bin/python benchmarks/speed_minirocket.py [--rounds 5 --n 1000 --length 500 --only MiniRocket --first]

One thread, processor time of ``transform``, the two in turns in one process; without aeon only ours runs. ``--first``
instead measures the first use, by the clock: a new process, with aeon's cache of compiled code in an empty folder, imports
the library, fits 10 series and transforms them.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import warnings

for variable in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np

FIRST = """
import time
began = time.perf_counter()
import warnings
warnings.simplefilter("ignore")
import numpy as np
X = np.random.default_rng(0).normal(size=(10, 500)).cumsum(axis=1).astype(np.float32)
start = time.perf_counter()
{imports}
imported = time.perf_counter()
model = MiniRocket(random_state=0)
model.fit({X})
model.transform({X})
print(imported - start, time.perf_counter() - imported)
"""
OURS = {"imports": "from sklearn_seq import MiniRocket", "X": "X"}
AEON = {
    "imports": "from aeon.transformations.collection.convolution_based import MiniRocket",
    "X": "X[:, None]",
}


def first_use(rounds):
    from _common import markdown

    rows = []
    for name, words in {"sklearn_seq": OURS, "aeon": AEON}.items():
        found = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                # numba keeps compiled code beside the source unless told where
                environment = os.environ | {"NUMBA_CACHE_DIR": folder}
                command = [sys.executable, "-c", FIRST.format(**words)]
                done = subprocess.run(command, env=environment, capture_output=True, text=True)
            if done.returncode:
                print(name, done.stderr.strip().splitlines()[-1])
                break
            found.append([float(word) for word in done.stdout.split()])
        else:
            imported, used = np.median(found, axis=0)
            rows.append([name, f"{imported:.2f}", f"{used:.2f}"])
    print(markdown(["library", "s to import", "s to fit and transform 10 series"], rows))


def pairs(X):
    """For each transformer its name, and what transforms with ours and with aeon's."""
    import sklearn_seq

    try:
        from aeon.transformations.collection import convolution_based as aeon
    except ImportError:
        aeon = None
    names = {"MiniRocket": "MiniRocket", "MultiRocket": "MultiRocket", "Hydra": "HydraTransformer"}
    for name, theirs in names.items():
        ours = getattr(sklearn_seq, name)(random_state=0).fit(X)
        cases = {"sklearn_seq": lambda ours=ours: ours.transform(X)}
        if aeon is not None and hasattr(aeon, theirs):
            model = getattr(aeon, theirs)(n_jobs=1, random_state=0)
            model.fit(X[:, None])
            cases["aeon"] = lambda model=model: model.transform(X[:, None])
        yield name, cases


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--length", type=int, default=500)
    parser.add_argument("--only", default="")
    parser.add_argument("--first", action="store_true")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    if args.first:
        first_use(args.rounds)
        return
    from _common import interleave, markdown, ratios, spread

    X = np.random.default_rng(0).normal(size=(args.n, args.length)).cumsum(axis=1).astype(np.float32)
    rows = []
    for name, cases in pairs(X):
        if args.only in name:
            seconds = interleave(cases, args.rounds, clock=time.process_time)
            best = [f"{min(seconds[case]):.2f}" if case in seconds else "" for case in ("sklearn_seq", "aeon")]
            rows.append(
                [name, *best, *(spread(ratios(seconds, "aeon")["sklearn_seq"]) if "aeon" in cases else ["", ""])]
            )
            print(*rows[-1], flush=True)
    print(markdown(["transformer", "ours, s", "aeon, s", "ratio", "lowest to highest"], rows))


if __name__ == "__main__":
    main()
