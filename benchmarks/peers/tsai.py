"""tsai: its networks in fastai's ``Learner``. It asks for validation rows and gets four; it drops the last, smaller batch."""

import sys
import tempfile

import numpy as np
import torch


def declare_operators():
    """Beside a torch without CUDA, the wheel of torchvision may not load its operators, and its import stops at two."""
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return library


library = declare_operators()  # kept: what it declares goes when it goes
from tsai.basics import TSClassification, TSClassifier


def loops(case, X, y, epochs):
    X = np.ascontiguousarray(X.transpose(0, 2, 1))  # (B, F, T)

    def fit():
        learner = TSClassifier(
            X,
            y,
            splits=(list(range(case.n)), list(range(4))),
            tfms=[None, TSClassification()],
            arch=case.cell,
            arch_config={"hidden_size": case.hidden},
            bs=case.batch,
            path=tempfile.gettempdir(),
        )
        with learner.no_bar(), learner.no_logging():
            learner.fit(epochs, 1e-3)

    return {"tsai": (fit, case.n // case.batch)}
