"""Speech: spoken digits, emotion, digit strings and yes/no, from sound to answer by estimators of this package.

    python benchmarks/accuracy_speech.py digits     # official split
    python benchmarks/accuracy_speech.py speakers   # spoken digits, leave one speaker out; --choose: what settings were chosen by
    python benchmarks/accuracy_speech.py emotion    # EmoDB, leave one speaker out
    python benchmarks/accuracy_speech.py strings    # 3 to 7 digits joined, CTC
    python benchmarks/accuracy_speech.py yesno      # Kaldi's recordings, CTC

    --seeds 3       how many
    --select        strings, yesno: score a held-out piece of the training part, never the test part

Protocols. digits: recordings 0 to 4 of each speaker and digit are the test part. speakers, emotion: each speaker in turn is the
test part; of digits five networks are taken together. Scaling and augmentation were chosen by fits on two speakers that were scored on
the others (--choose). strings: recordings of one speaker with silence between; test strings are made of recordings 0 to 4, training
strings of the others. yesno: the first 31 recordings train, the other 29 test.
"""

import argparse
import csv
import itertools
import time

import numpy as np
from _common import data_folder, markdown
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import recall_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sklearn_seq import (
    AudioFunctionals,
    DeepEnsembleClassifier,
    GroupScaler,
    GRUTranscriber,
    LogMelSpectrogram,
    SequenceScaler,
    SpectrogramCNNClassifier,
    SpectrogramCNNTranscriber,
)
from sklearn_seq.datasets import read_wav, read_wav_folder
from sklearn_seq.metrics import character_error_rate, word_error_rate

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
MEL = {"window": 0.032, "step": 0.01, "n_mels": 40}
DIGITS = {
    "augment": {"tempo": 0.25, "mask": 0.2, "filter": 0.4, "band_warp": 0.15},
    "max_epochs": 12,
    "batch_size": 32,
}
STRANGERS = DIGITS | {"augment": DIGITS["augment"] | {"mixup": 0.4}}
STRINGS = {
    "stack": 4,
    "hidden_size": 96,
    "n_layers": 1,
    "batch_size": 16,
    "lr": 5e-3,
    "lr_schedule": "one-cycle",
    "max_epochs": 36,
    "augment": {"tempo": 0.15, "mask": 0.1},
    "lm_order": 4,
    "lm_weight": 0.3,
}
YESNO = {
    "stride": 4,
    "batch_size": 4,
    "max_epochs": 100,
    "augment": {"tempo": 0.15, "mask": 0.1, "filter": 0.4, "band_warp": 0.15},
    # all that may be said: the training part is that of texts which begin with "no"; an order longer than a text counts its words
    "lm_order": 40,
    "lm_weight": 3.0,
    "lm_texts": [" ".join(words) for words in itertools.product(["yes", "no"], repeat=8)],
}


def spectra(sample_rate):
    return LogMelSpectrogram(sample_rate=sample_rate, **MEL), SequenceScaler(per="series", scale="shared")


def read_digits():
    """Clips, digits, speakers, numbers of recordings, sample rate."""
    folder = data_folder() / "free_spoken_digits" / "recordings"
    X, names, rate = read_wav_folder(folder, label=lambda path: path.stem)
    digit, speaker, number = (np.array(part) for part in zip(*(name.split("_") for name in names), strict=True))
    return X, digit, speaker, number.astype(int), rate


def fit_digits(X, digit, train, test, rate, seed, strangers=False):
    network = SpectrogramCNNClassifier(random_state=seed, **STRANGERS if strangers else DIGITS)
    if strangers:
        network = DeepEnsembleClassifier(network, n_estimators=5, random_state=seed)
    model = make_pipeline(*spectra(rate), network)
    began = time.process_time()  # of the processor, so that neighbours do not count
    model.fit(X[train], digit[train])
    seconds = time.process_time() - began
    return model.score(X[test], digit[test]), seconds


def digits(seeds, select):
    X, digit, _, number, rate = read_digits()
    rows = []
    for seed in range(seeds):
        score, seconds = fit_digits(X, digit, number >= 5, number < 5, rate, seed)
        rows.append([f"official split, seed {seed}", f"{score:.4f}", f"{seconds:.0f}"])
        print(rows[-1], flush=True)
    return ["spoken digits", "accuracy", "CPU seconds a fit"], rows


def choose():
    """Fits on two speakers, scored on each of the other two: by what settings of digits were chosen. Twelve scores of six fits a seed."""
    X, digit, speaker, _, rate = read_digits()
    plain = {"tempo": 0.25, "mask": 0.2}
    both = DIGITS["augment"]
    rows = []
    for name, scale, window, changed in (
        ("a scale for each band", "own", 0.032, {"augment": plain}),
        ("one scale", "shared", 0.032, {"augment": plain}),
        ("and filter", "shared", 0.032, {"augment": plain | {"filter": 0.4}}),
        ("and filter of 0.8", "shared", 0.032, {"augment": plain | {"filter": 0.8}}),
        ("and band_warp", "shared", 0.032, {"augment": plain | {"band_warp": 0.15}}),
        ("and both", "shared", 0.032, {"augment": both}),
        ("and mixup", "shared", 0.032, STRANGERS),
        ("mixup and frames of 50 ms", "shared", 0.05, STRANGERS),
        ("mixup and Muon", "shared", 0.032, STRANGERS | {"optimizer": "muon"}),
        ("mixup, Muon and frames of 50 ms", "shared", 0.05, STRANGERS | {"optimizer": "muon"}),
    ):
        spectra_of = LogMelSpectrogram(sample_rate=rate, **MEL | {"window": window}).fit_transform(X)
        scaled = SequenceScaler(per="series", scale=scale).fit_transform(spectra_of)
        alone, together = [], []
        for pair in itertools.combinations(np.unique(speaker), 2):
            train, proba = ~np.isin(speaker, pair), []
            for seed in (0, 1):
                network = SpectrogramCNNClassifier(random_state=seed, n_threads=1, **DIGITS | changed)
                network.fit(scaled[train], digit[train])
                proba.append(network.predict_proba(scaled[~train]))
            for one in pair:
                rows_of = speaker[~train] == one
                truth, known = digit[speaker == one], network.classes_
                alone += [np.mean(known[found[rows_of].argmax(axis=1)] == truth) for found in proba]
                together.append(np.mean(known[sum(proba)[rows_of].argmax(axis=1)] == truth))
        rows.append([name, f"{np.mean(alone):.4f}", f"{np.mean(together):.4f}"])
        print(rows[-1], flush=True)
    return ["two speakers train, the others are scored", "one network", "two together"], rows


def speakers(seeds, select):
    X, digit, speaker, _, rate = read_digits()
    rows = []
    for seed in range(seeds):
        found = []
        for one in np.unique(speaker):
            found.append(fit_digits(X, digit, speaker != one, speaker == one, rate, seed, strangers=True))
            print(one, found[-1], flush=True)
        each = " ".join(f"{score:.3f}" for score, _ in found)
        mean, most = np.mean([score for score, _ in found]), max(seconds for _, seconds in found)
        rows.append([f"seed {seed}", each, f"{mean:.4f}", f"{most:.0f}"])
    return ["leave one speaker out", " ".join(np.unique(speaker)), "mean", "slowest fit, CPU seconds"], rows


EMOTION = [
    (levels, model)
    for levels in (True, False)
    for model in (
        SVC(kernel="linear", C=0.001, class_weight="balanced"),
        SVC(kernel="linear", C=0.01, class_weight="balanced"),
        SVC(C=10, class_weight="balanced"),
        LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.8),
    )
]


def _left_out(data, y, speaker, rows, levels, model):
    """Unweighted recall, and answers, of leaving out one speaker after another of those of some rows."""
    said = cross_val_predict(
        make_pipeline(StandardScaler(), model), data[levels][rows], y[rows], groups=speaker[rows], cv=LeaveOneGroupOut()
    )
    return recall_score(y[rows], said, average="macro"), said


def _all_together(data, y, speaker, ways):
    """Answers by the sum of the logarithms of all models' probabilities, leaving out one speaker after another."""
    total = 0.0
    for levels, model in ways:
        if not hasattr(model, "predict_proba"):
            model = CalibratedClassifierCV(model, ensemble=False)
        proba = cross_val_predict(
            make_pipeline(StandardScaler(), model),
            data[levels],
            y,
            groups=speaker,
            cv=LeaveOneGroupOut(),
            method="predict_proba",
        )
        total = total + np.log(np.maximum(proba, 1e-6))
    return np.unique(y)[total.argmax(axis=1)]


def emotion(seeds, select):
    """Three answers: of one model that is chosen for each test speaker by leaving out one of the other five after another; of one
    for all speakers, chosen by the mean of these six scores, five of which have seen the test speaker (too good, for comparison
    only); of all models together, where nothing is chosen. Unaided, levels are left out from the start, as `AudioFunctionals`
    says for speakers that training has not heard."""
    folder = data_folder() / "emodb"
    with open(folder / "labels.tsv", encoding="utf-8") as file:
        labels = {row["file"].rpartition("/")[2]: row for row in csv.DictReader(file, delimiter="\t")}
    X, rows_of, rate = read_wav_folder(folder / "wav", label=lambda path: path.name)
    y = np.array([labels[name]["emotion"] for name in rows_of])
    speaker = np.array([labels[name]["speaker"] for name in rows_of])
    features = {levels: AudioFunctionals(sample_rate=rate, levels=levels).fit_transform(X) for levels in (True, False)}
    adapted = {levels: GroupScaler().fit_transform(found, groups=speaker) for levels, found in features.items()}
    rows = []
    relative = [way for way in EMOTION if not way[0]]
    for name, data, ways in (
        ("unaided", features, relative),
        ("each speaker scaled by their own clips", adapted, EMOTION),
    ):
        inner = np.array(
            [[_left_out(data, y, speaker, speaker != one, *way)[0] for way in ways] for one in np.unique(speaker)]
        )
        print(inner.mean(axis=0).round(4), flush=True)
        nested = np.empty_like(y)
        for one, scores in zip(np.unique(speaker), inner, strict=True):
            levels, model = ways[int(scores.argmax())]
            train, test = speaker != one, speaker == one
            best = make_pipeline(StandardScaler(), clone(model)).fit(data[levels][train], y[train])
            nested[test] = best.predict(data[levels][test])
        levels, model = ways[int(inner.mean(axis=0).argmax())]
        recall, said = _left_out(data, y, speaker, np.full(len(y), True), levels, model)
        way = f"{'levels' if levels else 'no levels'}, {model}".replace("|", "")
        rows.append(
            [
                name,
                "chosen for each speaker",
                f"{recall_score(y, nested, average='macro'):.4f}",
                f"{(y == nested).mean():.4f}",
            ]
        )
        rows.append([name, way, f"{recall:.4f}", f"{(y == said).mean():.4f}"])
        said = _all_together(data, y, speaker, ways)
        recall = recall_score(y, said, average="macro")
        rows.append([name, f"{len(ways)} models together", f"{recall:.4f}", f"{(y == said).mean():.4f}"])
        print(rows[-3:], flush=True)
    return ["EmoDB, leave one speaker out", "model", "unweighted recall", "accuracy"], rows


def join(X, digit, speaker, rows, n_strings, seed, rate):
    """Strings of 3 to 7 recordings of one speaker, 50 to 200 ms of silence around each, and their words."""
    rng = np.random.default_rng(seed)
    clips, texts = [], []
    for _ in range(n_strings):
        own = rows[speaker[rows] == rng.choice(np.unique(speaker))]
        some = rng.choice(own, size=rng.integers(3, 8))
        pauses = [1e-4 * rng.normal(size=rng.integers(rate // 20, rate // 5)) for _ in range(len(some) + 1)]
        parts = [pauses[0]]
        for i, pause in zip(some, pauses[1:], strict=True):
            parts += [X[i][:, 0], pause]
        clips.append(np.concatenate(parts).astype(np.float32))
        texts.append(" ".join(WORDS[int(digit[i])] for i in some))
    return clips, np.array(texts)


def transcribe(train, test, rate, network):
    model = make_pipeline(*spectra(rate), network)
    began = time.process_time()
    model.fit(*train)
    seconds = time.process_time() - began
    said = model.predict(test[0])
    beam = model.predict(test[0], beam_size=8)
    errors = [word_error_rate(test[1], said), character_error_rate(test[1], said), word_error_rate(test[1], beam)]
    return [f"{100 * error:.2f} %" for error in errors] + [f"{seconds:.0f}"]


CTC_COLUMNS = ["word error", "character error", "word error, beam of 8 and language model", "CPU seconds a fit"]


def strings(seeds, select):
    X, digit, speaker, number, rate = read_digits()
    train, test = (number >= 5, number < 5) if not select else ((number >= 5) & (number < 40), number >= 40)
    rows = []
    for seed in range(seeds):
        parts = [
            join(X, digit, speaker, np.flatnonzero(part), n, 100 * seed + i, rate)
            for i, (part, n) in enumerate(((train, 600), (test, 200)))
        ]
        found = transcribe(*parts, rate, GRUTranscriber(random_state=seed, **STRINGS))
        rows.append([f"seed {seed}{', held-out recordings' if select else ''}", *found])
        print(rows[-1], flush=True)
    return ["digit strings", *CTC_COLUMNS], rows


def yesno(seeds, select):
    folder = data_folder() / "yesno_waves"
    with open(folder / "transcripts.tsv", encoding="utf-8") as file:
        table = list(csv.DictReader(file, delimiter="\t"))
    sounds = [read_wav(folder / "waves" / row["file"].rpartition("/")[2]) for row in table]
    rate = sounds[0][1]
    clips, texts = [signal[:, 0] for signal, _ in sounds], np.array([row["transcript"].lower() for row in table])
    split = np.array([row["split"] for row in table])
    train, test = np.flatnonzero(split == "train"), np.flatnonzero(split == "test")
    if select:
        train, test = train[:21], train[21:]
    rows = []
    for seed in range(seeds):
        parts = [([clips[i] for i in part], texts[part]) for part in (train, test)]
        found = transcribe(*parts, rate, SpectrogramCNNTranscriber(random_state=seed, **YESNO))
        rows.append([f"seed {seed}{', held-out recordings' if select else ''}", *found])
        print(rows[-1], flush=True)
    return ["yesno", *CTC_COLUMNS], rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["digits", "speakers", "emotion", "strings", "yesno"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--choose", action="store_true", help="speakers: print what settings were chosen by instead")
    parser.add_argument("--select", action="store_true")
    given = parser.parse_args()
    if data_folder() is None:
        raise SystemExit("the data are absent: set SKLEARN_SEQ_DATA to their folder")
    header, rows = choose() if given.choose else globals()[given.task](given.seeds, given.select)
    print(markdown(header, rows))


if __name__ == "__main__":
    main()
