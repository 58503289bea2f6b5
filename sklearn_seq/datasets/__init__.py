"""Small real sets that ship with the package, generators with known answers, readers of common formats."""

from sklearn_seq.datasets.autoregressive import make_ar
from sklearn_seq.datasets.fasta import read_fasta
from sklearn_seq.datasets.folders import read_csv_folder, read_wav_folder
from sklearn_seq.datasets.generators import make_adding_problem, make_copy_memory, make_waveforms
from sklearn_seq.datasets.images import read_frames, read_image_folder
from sklearn_seq.datasets.real import load_co2, load_digits_sequences, load_el_nino, load_sunspots
from sklearn_seq.datasets.ts import read_ts
from sklearn_seq.datasets.tsf import read_tsf
from sklearn_seq.datasets.ucr import read_ucr_tsv
from sklearn_seq.datasets.wav import read_wav

__all__ = [
    "load_co2",
    "load_digits_sequences",
    "load_el_nino",
    "load_sunspots",
    "make_adding_problem",
    "make_ar",
    "make_copy_memory",
    "make_waveforms",
    "read_csv_folder",
    "read_fasta",
    "read_frames",
    "read_image_folder",
    "read_ts",
    "read_tsf",
    "read_ucr_tsv",
    "read_wav",
    "read_wav_folder",
]
