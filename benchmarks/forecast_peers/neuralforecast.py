"""neuralforecast: its networks on Lightning, as many steps as the others have batches. Its LSTM decodes by an MLP."""

import logging
from functools import partial

import numpy as np
import pandas as pd
from neuralforecast import NeuralForecast
from neuralforecast.models import LSTM, MLP, DLinear

for name in ("pytorch_lightning", "lightning.pytorch", "pytorch_lightning.utilities.rank_zero"):
    logging.getLogger(name).setLevel(logging.ERROR)
QUIET = {"accelerator": "cpu", "enable_progress_bar": False, "logger": False, "enable_model_summary": False}


class Model:
    """``fit`` gives what forecasts."""

    def __init__(self, make, X):
        self.model = NeuralForecast(models=[make()], freq=1)
        self.frame = pd.DataFrame({"unique_id": "a", "ds": np.arange(len(X)), "y": X[:, 0]})

    def fit(self):
        self.model.fit(self.frame, val_size=0)
        return self.model.predict


def models(case, X, epochs):
    common = {"h": case.horizon, "input_size": case.lookback, "max_steps": epochs * case.n_windows // case.batch}
    common |= {"batch_size": 1, "windows_batch_size": case.batch, "enable_checkpointing": False, **QUIET}
    make = {
        "LSTM": partial(LSTM, encoder_hidden_size=case.hidden, encoder_n_layers=1, decoder_layers=1, **common),
        "linear": partial(DLinear, **common),
        "MLP": partial(MLP, num_layers=1, hidden_size=case.hidden, **common),
    }[case.kind]
    return {f"neuralforecast {make.func.__name__}": lambda: Model(make, X)}
