"""Anomalies in sea surface temperature: months that no forecast saw coming, and years unlike others; a picture.

    python examples/find_anomalies.py [picture.png]

Monthly temperatures of the eastern Pacific, which ship with the package. Detectors learn from 1950 to 1979 alone, without labels. The
two strongest warm events (El Niño) of the years after, 1982/83 and 1997/98, are what one hopes to find.
"""

import sys

import pandas as pd

from sklearn_seq import AnomalyDisplay, ForecastDetector, SubspaceDetector
from sklearn_seq.datasets import load_el_nino
from sklearn_seq.metrics import vus_pr_score

EVENTS = [("1982-09", "1983-08"), ("1997-05", "1998-05")]


def main(picture: str | None = None) -> None:
    sea = load_el_nino(as_frame=True).frame  # monthly, a DatetimeIndex
    before, after = sea[:"1979"], sea["1980":]
    known = pd.Series(0, index=after.index)
    for first, last in EVENTS:
        known[first:last] = 1
    detectors = {
        "forecasts of the next month": ForecastDetector(smoothing=6),
        "windows of a year, PCA": SubspaceDetector(window=12, rows="time"),
    }
    print(f"VUS-PR on {len(after)} months after {len(before)} to learn from; {known.mean():.2f} is chance")
    for name, detector in detectors.items():
        scores = detector.fit(before).score_samples(after)
        called = after.index[detector.predict(after) == -1]
        years = ", ".join(str(year) for year in sorted(set(called.year)))
        print(f"  {name:28s} {vus_pr_score(known, -scores, max_buffer=12):.2f}   anomalies in {years or 'no year'}")

    # whole sequences: each year is one, and the two that are least like those before 1980
    years = sea[:"2009"].to_numpy().reshape(-1, 12)
    scores = pd.Series(SubspaceDetector().fit(years[:30]).score_samples(years[30:]), index=range(1980, 2010))
    print(f"Years least like those before 1980: {', '.join(str(year) for year in sorted(scores.nsmallest(4).index))}")
    if picture:
        import matplotlib

        matplotlib.use("Agg")
        display = AnomalyDisplay.from_estimator(detectors["forecasts of the next month"], after, known)
        display.figure_.savefig(picture, dpi=120)


if __name__ == "__main__":
    main(*sys.argv[1:2])
