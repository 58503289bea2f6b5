"""skorch: the same network in a ``NeuralNetClassifier``, as it comes and without its validation."""

from functools import partial

import torch
from skorch import NeuralNetClassifier


def loops(case, X, y, epochs):
    net = partial(
        NeuralNetClassifier,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        max_epochs=epochs,
        batch_size=case.batch,
        verbose=0,
    )
    return {
        "skorch": (lambda: net(case.network()).fit(X, y), case.batches(0.8)),
        "skorch, no validation": (lambda: net(case.network(), train_split=None).fit(X, y), case.batches()),
    }
