"""Growth of peak memory during ``fit`` of forecasters, over the bytes of the table.

    scripts/bench memory_forecasting [-- --only NLinear]

A table of 1,000,000 rows and 8 columns (float32), look-back 512, horizon 24. Each case in a process of its own, after a tiny fit
that has everything loaded: the highest resident size during the fit less that before it, by the bytes of the table; beside it
the bytes of one batch with its activations. Networks are small; an LSTM is stopped after 300 batches, as an epoch takes long
and no batch needs more than another. A matrix of lags is what scikit-learn's regressors want; it is measured on a table of
10,000 rows, as it grows with the rows. Linux only.
"""

import argparse
import subprocess
import sys

from _common import markdown

N, COLUMNS, LOOKBACK, HORIZON = 1_000_000, 8, 512, 24
FEW = 10_000  # rows of which a copy of all windows fits into memory
TRAINED = "max_epochs=1, batch_size={batch}, n_threads=1, random_state=0"
LSTM = "LSTMForecaster(hidden_size=4, channels='joint', callbacks=[Stop()], " + TRAINED
# batch size, and what a step of a window takes in training: numbers of the batch, of copies of it, and of a layer
CASES = {
    "NLinearForecaster": ("NLinearForecaster(" + TRAINED + ")", 128, 4 * COLUMNS),
    "LSTMForecaster, linear='none'": (LSTM + ", linear='none')", 64, 3 * COLUMNS + 12 * 4),
    "LSTMForecaster": (LSTM + ")", 64, 3 * COLUMNS + 12 * 4),
    "LinearForecaster": ("LinearForecaster()", 0, 0),
    "a matrix of lags and Ridge": ("Lags()", 0, 0),
}
SCRIPT = """
import re
import numpy as np
from skorch.callbacks import Callback
from sklearn.linear_model import Ridge
from sklearn_seq import LinearForecaster, LSTMForecaster, NLinearForecaster
def now(key):
    return 1024 * int(re.search(key + r":\\s+(\\d+)", open("/proc/self/status").read())[1])
class Stop(Callback):
    n = 0
    def on_batch_end(self, net, **kwargs):
        self.n += 1
        if self.n == 300:
            raise KeyboardInterrupt
class Lags:
    def set_params(self, lookback, horizon):
        self.shape = lookback, horizon
        return self
    def fit(self, X):
        n = len(X) - sum(self.shape) + 1
        past = np.stack([X[i : i + self.shape[0]].ravel() for i in range(n)])
        ahead = np.stack([X[i + self.shape[0] : i + sum(self.shape)].ravel() for i in range(n)])
        return Ridge(copy_X=False).fit(past, ahead)
def make():
    return {make}
def table(n):
    t = np.arange(n, dtype=np.float32)[:, None]
    return np.sin(t / np.arange(5, 5 + {columns}, dtype=np.float32)) + rng.standard_normal((n, {columns}), dtype=np.float32)
rng = np.random.default_rng(0)
make().set_params(lookback=16, horizon=4).fit(table(200))
X = table({n})
model = make().set_params(lookback={lookback}, horizon={horizon})
open("/proc/self/clear_refs", "w").write("5")  # the highest size begins anew
before = now("VmRSS")
try:
    model.fit(X)
except KeyboardInterrupt:
    pass
print(X.nbytes, now("VmHWM") - before)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="the cases with this in their name")
    args = parser.parse_args()
    rows = []
    for name, (make, batch, numbers) in CASES.items():
        if args.only not in name:
            continue
        n, make = FEW if "Lags" in make else N, make.format(batch=batch)
        script = SCRIPT.format(make=make, n=n, columns=COLUMNS, lookback=LOOKBACK, horizon=HORIZON)
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        n_bytes, grown = map(int, done.stdout.split())
        one_batch = 4 * batch * (LOOKBACK + HORIZON) * numbers
        rows.append([name, n, f"{n_bytes / 1e6:.1f}", f"{grown / n_bytes:.2f}", f"{one_batch / n_bytes:.2f}"])
        print(*rows[-1], flush=True)
    print(markdown(["", "rows", "table, MB", "growth / table", "one batch / table"], rows))


if __name__ == "__main__":
    main()
