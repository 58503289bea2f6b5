"""Examples in docstrings, in the README and in the guide give what they say."""

import contextlib
import doctest
import importlib
import inspect
import pkgutil
import re
import warnings
from pathlib import Path

import pytest

import sklearn_seq

ROOT = Path(__file__).resolve().parents[1]
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def all_modules():
    yield sklearn_seq
    for found in pkgutil.walk_packages(sklearn_seq.__path__, "sklearn_seq."):
        yield importlib.import_module(found.name)


def examples():
    """All docstrings with an example, by name; public objects are found where they are defined."""
    finder = doctest.DocTestFinder(recurse=True, exclude_empty=True)
    seen = set()
    for name in sklearn_seq.__all__:
        thing = getattr(sklearn_seq, name)
        if not isinstance(thing, str):
            for test in finder.find(thing, f"sklearn_seq.{name}", module=False, globs={}):
                if test.examples and test.name not in seen:
                    seen.add(test.name)
                    yield test
    for module in all_modules():
        for name, thing in vars(module).items():
            of_ours = (getattr(thing, "__module__", None) or "").startswith(
                "sklearn_seq."
            )  # of methods of str it is None
            if (
                of_ours
                and thing.__module__ == module.__name__
                and (inspect.isclass(thing) or inspect.isfunction(thing))
            ):
                for test in finder.find(thing, f"{module.__name__}.{name}", module=False, globs={}):
                    if test.examples and test.name not in seen:
                        seen.add(test.name)
                        yield test
        parts = doctest.DocTestParser().get_doctest(module.__doc__ or "", {}, module.__name__, None, None)
        if parts.examples:
            yield parts


def run(test, folder):
    out = []
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    with contextlib.chdir(folder), warnings.catch_warnings():
        warnings.simplefilter("error")
        runner.run(test, out=out.append, clear_globs=False)
    assert runner.failures == 0, "".join(out)


TESTS = list(examples())


def test_there_are_examples():
    names = {test.name for test in TESTS}
    assert len(names) >= 15
    assert "sklearn_seq.LSTMClassifier" in names


@pytest.mark.parametrize("test", TESTS, ids=lambda test: test.name)
def test_docstring(test, tmp_path):
    run(test, tmp_path)


PAGES = [path for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))] if path.exists()]
FENCE = re.compile(r"^```(?:python|pycon)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(path):
    """The code blocks of a page, one text; a page is one session."""
    return [match.group(1) for match in FENCE.finditer(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_page(path, tmp_path):
    text = "\n".join(block for block in blocks(path) if block.lstrip().startswith(">>>"))
    if not text:
        pytest.skip("no example with >>> on this page")
    run(doctest.DocTestParser().get_doctest(text, {}, path.name, str(path), 0), tmp_path)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_code_without_prompts_is_python(path):
    for block in blocks(path):
        if ">>>" not in block:
            compile(block, str(path), "exec")


def test_the_table_of_families_is_what_there_is():
    """README's table, row by row, from the public names."""
    tasks = {"classify": "Classifier", "regress": "Regressor", "forecast": "Forecaster"}
    tasks |= {"tag": "Tagger", "transcribe": "Transcriber", "translate": "Translator", "generate": "Generator"}
    names = set(sklearn_seq.__all__)
    families = sorted({name.removesuffix(end) for end in tasks.values() for name in names if name.endswith(end)})
    rows = ["| family | " + " | ".join(tasks) + " |", "| --- |" + " --- |" * len(tasks)]
    for family in families:
        cells = [f"`{family}{end}`" if family + end in names else "" for end in tasks.values()]
        rows.append(f"| {family} | " + " | ".join(cells) + " |")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.partition("<!-- families -->")[2].partition("<!-- /families -->")[0]
    assert table.strip().splitlines() == rows
