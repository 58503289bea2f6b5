"""Growth of peak memory during ``fit``, over the bytes of X as given (float32).

    scripts/bench memory_fit

Each case in a process of its own, after a tiny fit that has everything loaded: the highest resident size during the fit less
that before it, by the bytes of X; beside it the bytes of one batch with its activations. Linux only.
"""

import subprocess
import sys

from _common import markdown

CASES = {
    "(4000, 1000, 10), batches of 32": "X = rng.normal(size=(4000, 1000, 10)).astype(np.float32); batch = 32",
    "(60000, 500, 1), batches of 256": "X = rng.normal(size=(60000, 500, 1)).astype(np.float32); batch = 256",
    "Sequences, 4000 of 500 to 1500 steps, 10 features": (
        "X = Sequences.from_list([rng.normal(size=(n, 10)).astype(np.float32) for n in rng.integers(500, 1501, 4000)]); batch = 32"
    ),
    "windows of 96 steps of a table (1000000, 16)": (
        "t = rng.normal(size=(1000000, 16)).astype(np.float32); X = SlidingWindow(96).fit_transform(t)[95::20]; batch = 32"
    ),
}
SCRIPT = """
import re, sys
import numpy as np
from sklearn_seq import LSTMClassifier, Sequences, SlidingWindow
def now(key):
    return 1024 * int(re.search(key + r":\\s+(\\d+)", open("/proc/self/status").read())[1])
rng = np.random.default_rng(0)
LSTMClassifier(hidden_size=4, max_epochs=1).fit(rng.normal(size=(40, 5, 2)), np.arange(40) % 2)
{make}
y = np.arange(len(X)) % 2
n_bytes = X.nbytes if isinstance(X, np.ndarray) else X.values.nbytes
open("/proc/self/clear_refs", "w").write("5")  # the highest size begins anew
before = now("VmRSS")
LSTMClassifier(hidden_size=4, max_epochs=1, batch_size=batch, n_threads=1, random_state=0).fit(X, y)
length = X.shape[1] if isinstance(X, np.ndarray) else int(X.lengths.max())
one_batch = 4 * batch * length * (2 * X.shape[2] + 12 * 4)
print(n_bytes, now("VmHWM") - before, one_batch)
"""


def main():
    rows = []
    for name, make in CASES.items():
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT.format(make=make)], capture_output=True, text=True, check=True
        )
        n_bytes, grown, batch = map(int, done.stdout.split())
        rows.append([name, f"{n_bytes / 1e6:.0f}", f"{grown / n_bytes:.2f}", f"{batch / n_bytes:.2f}"])
        print(*rows[-1], flush=True)
    print(markdown(["X", "MB", "growth / X", "one batch / X"], rows))


if __name__ == "__main__":
    main()
