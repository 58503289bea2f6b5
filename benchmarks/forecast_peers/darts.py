"""darts: its networks on Lightning. It has no plain MLP; the nearest is one block of N-BEATS with one hidden layer."""

import logging
from functools import partial

from darts import TimeSeries
from darts.models import BlockRNNModel, NBEATSModel, NLinearModel

for name in ("pytorch_lightning", "lightning.pytorch", "pytorch_lightning.utilities.rank_zero"):
    logging.getLogger(name).setLevel(logging.ERROR)
QUIET = {"accelerator": "cpu", "enable_progress_bar": False, "logger": False, "enable_model_summary": False}


class Model:
    """``fit`` gives what forecasts."""

    def __init__(self, make, case, X):
        self.model, self.case, self.series = make(), case, TimeSeries.from_values(X)

    def fit(self):
        self.model.fit(self.series, verbose=False)
        return lambda: self.model.predict(self.case.horizon, verbose=False)


def models(case, X, epochs):
    common = {"input_chunk_length": case.lookback, "output_chunk_length": case.horizon, "batch_size": case.batch}
    common |= {"n_epochs": epochs, "pl_trainer_kwargs": QUIET}
    block = {"num_stacks": 1, "num_blocks": 1, "num_layers": 1, "layer_widths": case.hidden}
    name, make = {
        "LSTM": ("darts BlockRNNModel", partial(BlockRNNModel, model="LSTM", hidden_dim=case.hidden, **common)),
        "linear": ("darts NLinearModel", partial(NLinearModel, **common)),
        "MLP": ("darts NBEATSModel", partial(NBEATSModel, **block, **common)),
    }[case.kind]
    return {name: lambda: Model(make, case, X)}
