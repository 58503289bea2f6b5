"""Keras on TensorFlow: the same network. A first fit traces and compiles the step; "compiled before" has it from an earlier one."""

import os
from functools import partial

os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3")
import keras
import tensorflow

tensorflow.config.threading.set_intra_op_parallelism_threads(1)
tensorflow.config.threading.set_inter_op_parallelism_threads(1)
LAYERS = {"LSTM": keras.layers.LSTM, "GRU": keras.layers.GRU, "RNN": keras.layers.SimpleRNN}


def compiled(case, n_classes):
    model = keras.Sequential(
        [
            keras.Input((case.t, case.f)),
            LAYERS[case.cell](case.hidden, return_sequences=True),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(n_classes),
        ]
    )
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def loops(case, X, y, epochs):
    fit = partial(keras.Model.fit, x=X, y=y, batch_size=case.batch, epochs=epochs, verbose=0)
    before = compiled(case, case.n_classes)
    return {
        "keras": (lambda: fit(compiled(case, case.n_classes)), case.batches()),
        "keras, compiled before": (lambda: fit(before), case.batches()),
    }
