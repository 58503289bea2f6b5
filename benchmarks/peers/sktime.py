"""sktime: its classifiers on torch. There is none that is an LSTM alone."""

import numpy as np
from sktime.classification.deep_learning.gru import GRUClassifier
from sktime.classification.deep_learning.rnn import SimpleRNNClassifierTorch

OWN = {
    "GRU": (GRUClassifier, {"n_layers": 1, "batch_first": True}),
    "RNN": (SimpleRNNClassifierTorch, {"activation_hidden": "tanh", "callbacks": None}),
}


def loops(case, X, y, epochs):
    if case.cell not in OWN:
        return {}
    estimator, parameters = OWN[case.cell]
    common = {"hidden_dim": case.hidden, "num_epochs": epochs, "batch_size": case.batch, "optimizer": "Adam"}
    X = np.ascontiguousarray(X.transpose(0, 2, 1))  # (B, F, T)
    return {"sktime": (lambda: estimator(lr=1e-3, **common, **parameters).fit(X, y), case.batches())}
