"""Reading FASTA files: names and letters."""

import gzip
import os
import zlib
from pathlib import Path
from typing import NamedTuple

__all__ = ["Fasta", "read_fasta"]

_GZIP = b"\x1f\x8b"  # how such files begin, whatever their name


class Fasta(NamedTuple):
    """What a FASTA file holds.

    Attributes
    ----------
    sequences : list of str
        The letters, as they stand in the file, without the breaks of lines.
    names : list of str
        Of each sequence, the first word behind its ``>``.
    descriptions : list of str
        What else stands in that line; "" where there is nothing.
    """

    sequences: list[str]
    names: list[str]
    descriptions: list[str]


def read_fasta(path: str | os.PathLike) -> Fasta:
    r"""Read a FASTA file: DNA, RNA or proteins, which `SequenceOneHotEncoder` and `KmerEncoder` make numbers of.

    Lines that begin with ``;`` are comments, as in the first such files.

    Parameters
    ----------
    path : str or path-like
        The file; one that was packed by gzip is unpacked. Letters are ASCII; names and descriptions may be in UTF-8.

    Returns
    -------
    Fasta
        ``(sequences, names, descriptions)``, in the order of the file.

    Raises
    ------
    ValueError
        When the file does not begin with ``>``, when a sequence has no letters, or for what is no letter. The line is named.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from sklearn_seq.datasets import read_fasta
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "two.fasta"
    >>> _ = path.write_text(">a first one\nACGT\nAC\n>b\nGGT\n")
    >>> sequences, names, descriptions = read_fasta(path)
    >>> sequences, names, descriptions
    (['ACGTAC', 'GGT'], ['a', 'b'], ['first one', ''])
    """
    path = Path(path)
    raw = path.read_bytes()
    if path.suffix == ".gz" or raw.startswith(_GZIP):
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(
                f"{path} cannot be unpacked: {error}. It is damaged, or no gzip file: rename it."
            ) from None
    raw = raw.removeprefix(b"\xef\xbb\xbf")  # the mark of UTF-8 that some editors write
    parts: list[list[str]] = []
    heads: list[tuple[int, str]] = []
    # by bytes: in other encodings than ASCII a letter of a description may look like the end of a line
    for number, code in enumerate(raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"), 1):
        line = _decode(code).strip()
        if line.startswith(">"):
            _refuse_empty(path, heads, parts)
            heads.append((number, line[1:].strip()))
            parts.append([])
        elif line and not line.startswith(";"):
            if not parts:
                raise ValueError(
                    f"{path}, line {number}: {line[:30]!r}; wanted a line that begins with > before the first sequence. "
                    "Is it a FASTA file?"
                )
            if not all(c.isascii() and (c.isalpha() or c in "-.*") for c in line):
                wrong = next(c for c in line if not (c.isascii() and (c.isalpha() or c in "-.*")))
                raise ValueError(
                    f"{path}, line {number}: {wrong!r}; wanted letters, or - . * for gaps and stops. Correct it."
                )
            parts[-1].append(line)
    if not parts:
        raise ValueError(f"{path} holds no sequence; wanted at least one, behind a line that begins with >")
    _refuse_empty(path, heads, parts)
    words = [(head.split(maxsplit=1) + ["", ""])[:2] for _, head in heads]
    return Fasta(["".join(lines) for lines in parts], [name for name, _ in words], [told for _, told in words])


def _decode(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _refuse_empty(path: Path, heads: list[tuple[int, str]], parts: list[list[str]]) -> None:
    if parts and not parts[-1]:
        number, head = heads[-1]
        raise ValueError(
            f"{path}, line {number}: {head[:30]!r} has no letters; wanted at least one below it. The file may be cut off."
        )
