"""What a word is: the one place where texts are cut into words and signs."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

__all__ = ["cut_words", "drop_marks"]

_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"  # within words of Persian, Hindi, Malayalam, ...
_PLAIN = re.compile(r"\w+|[^\w\s]").findall  # all there is in ASCII


def cut_words(text: str) -> list[str]:
    r"""Words, runs of letters, digits and low lines, and signs, each by itself.

    Marks (vowel signs and viramas of Indic scripts, tone marks of Thai, accents that stand by themselves, ...) belong to the
    letter or sign before them, which ``\w`` of Python does not know.
    """
    return _PLAIN(text) if text.isascii() else _patterns()[0].findall(text)


def drop_marks(text: str) -> str:
    """A text without its marks."""
    return text if text.isascii() else _patterns()[1].sub("", text)


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    # what follows a word is mostly a space, which the first part tells much faster than all the ranges of the second
    marks = f"(?:(?![\0-\u02ff])[{_JOINERS}{''.join(_ranges())}]+)"
    return re.compile(rf"\w+(?:{marks}\w*)*|[^\w\s]{marks}?"), re.compile(marks)


def _ranges() -> Iterator[str]:
    """The characters of Unicode's category M, as ranges of a regular expression; no other planes have any."""
    first = None
    for code in (*range(0x300, 0x20001), *range(0xE0100, 0xE01F1)):
        if unicodedata.category(chr(code))[0] == "M":
            first = code if first is None else first
        elif first is not None:
            yield f"{chr(first)}-{chr(code - 1)}"
            first = None
