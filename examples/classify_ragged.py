"""Recordings of unequal length, several of each patient: search, score by patient, probabilities.

    python examples/classify_ragged.py

The recordings are simulated, so that the truth is known: patients differ in rhythm and level, and in the ill every
second beat is weaker. What is asked is the diagnosis of a patient who has never been seen.
"""

import time

import numpy as np
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    GroupShuffleSplit,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import Pipeline

from sklearn_seq import GRUClassifier, SequenceScaler


def record(n_patients: int, per_patient: int, seed: int) -> tuple[list, np.ndarray, np.ndarray]:
    """Recordings (n_timesteps_i, 2), diagnoses and patients."""
    rng = np.random.default_rng(seed)
    X, y, patients = [], [], []
    for patient in range(n_patients):
        ill = patient % 2
        period, level, shape = rng.uniform(6, 10), rng.normal(size=2), rng.uniform(0.5, 2, size=2)
        for _ in range(per_patient):
            steps = np.arange(rng.integers(20, 50)) + rng.uniform(0, 20)
            beat = np.cos(2 * np.pi * steps / period)
            alternating = np.cos(np.pi * steps / period)  # half the rhythm: every second beat
            both = np.stack([beat, np.roll(beat, 1)], axis=1) * shape + 0.45 * ill * alternating[:, None] + level
            X.append(both + rng.normal(scale=0.5, size=both.shape))
            y.append("ill" if ill else "well")
            patients.append(patient)
    return X, np.array(y), np.array(patients)


def main() -> None:
    began = time.perf_counter()
    X, y, patients = record(n_patients=40, per_patient=6, seed=0)  # X is a plain list of arrays
    lengths = [len(x) for x in X]
    print(f"{len(X)} recordings of {len(set(patients))} patients, {min(lengths)} to {max(lengths)} steps of 2 features")

    # A quarter of the patients is put aside, for the end.
    train, test = next(GroupShuffleSplit(1, test_size=0.25, random_state=0).split(X, y, patients))
    X_train, X_test = [X[i] for i in train], [X[i] for i in test]

    gru = GRUClassifier(hidden_size=16, max_epochs=15, batch_size=16, n_threads=1, random_state=0)
    model = Pipeline([("scale", SequenceScaler()), ("gru", gru)])

    by_chance = cross_val_score(model, X_train, y[train], cv=StratifiedKFold(3, shuffle=True, random_state=0))
    by_patient = cross_val_score(model, X_train, y[train], groups=patients[train], cv=GroupKFold(3))
    print(f"accuracy, folds by chance   {by_chance.mean():.2f}   the same patients in both parts: too good")
    print(f"accuracy, folds by patient  {by_patient.mean():.2f}")

    # per="series" takes level and size off each recording by itself: what belongs to the patient, not to the illness
    grid = {"scale__per": ["feature", "series"], "gru__pooling": ["mean", "max"]}
    search = GridSearchCV(model, grid, cv=GroupKFold(3)).fit(X_train, y[train], groups=patients[train])
    print(f"best by GridSearchCV        {search.best_score_:.2f}   {search.best_params_}")

    found = search.predict_proba(X_test)[:, 0]  # classes_ are sorted: "ill" comes first
    print(f"\n{len(set(patients[test]))} patients put aside, {len(test)} recordings")
    largest = max(np.mean(y[test] == "ill"), np.mean(y[test] == "well"))
    print(f"accuracy {search.score(X_test, y[test]):.2f}   (the larger class alone: {largest:.2f})")
    print(f"area under the ROC curve {roc_auc_score(y[test] == 'ill', found):.2f}")

    # Are the probabilities true? Of the recordings said to be ill with 0.8, eight of ten should be.
    print("probability of 'ill' said, and how often it was so (patients put aside):")
    for low, high in ((0.0, 0.2), (0.2, 0.8), (0.8, 1.0)):
        inside = (found >= low) & ((found < high) | (high == 1.0))
        if inside.any():
            so = np.mean(y[test][inside] == "ill")
            print(f"  {low:.1f} to {high:.1f}: {found[inside].mean():.2f} said, {so:.2f} so, {inside.sum()} recordings")
    print(f"Brier score {brier_score_loss(y[test] == 'ill', found):.2f}   (always saying one half: 0.25)")

    # One answer a patient: the mean over that patient's recordings.
    whole = np.array([found[patients[test] == p].mean() > 0.5 for p in np.unique(patients[test])])
    truth = np.array([y[test][patients[test] == p][0] == "ill" for p in np.unique(patients[test])])
    print(f"patients told right {np.sum(whole == truth)} of {len(truth)}")
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
