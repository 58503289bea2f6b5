"""The house: arrows between rooms, what an import costs, sizes of files, public names and their docs."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import sklearn_seq

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "sklearn_seq"

# from the lowest to the highest; an arrow goes down only
ROOMS = [
    "_version",
    "params",
    "sequences",
    "preprocessing",
    "model_selection",
    "metrics",
    "datasets",
    "layers",
    "training",
    "tasks",
    "families",
    "ensemble",
    "auto",
    "outliers",
    "inspection",
    "persistence",
    "testing",
]
NO_TORCH = {"_version", "params", "sequences", "preprocessing", "model_selection", "metrics", "datasets"}


def modules():
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path):
    """Absolute names of all that a file imports, also inside functions and under TYPE_CHECKING."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports are absolute"
            yield node.module
            if node.module == "sklearn_seq":
                yield from (f"sklearn_seq.{alias.name}" for alias in node.names)


def rooms_imported(path):
    for name in imports(path):
        parts = name.split(".")
        if (
            parts[0] == "sklearn_seq"
            and len(parts) > 1
            and (PACKAGE / parts[1]).exists() | (PACKAGE / f"{parts[1]}.py").exists()
        ):
            yield parts[1]


def test_rooms_are_known():
    assert {room_of(path) for path in modules()} <= set(ROOMS)


def test_arrows_go_down():
    arrows = {(room_of(path), room) for path in modules() for room in rooms_imported(path)}
    assert ("families", "tasks") in arrows  # the test can see
    up = {f"{a} -> {b}" for a, b in arrows if ROOMS.index(b) > ROOMS.index(a)}
    assert up == set()


def test_rooms_do_not_use_the_public_names_of_the_package():
    """``from sklearn_seq import GRUClassifier`` inside the package would hide an arrow."""
    public = set(sklearn_seq.__all__)
    for path in modules():
        for name in imports(path):
            head, _, tail = name.partition(".")
            assert not (head == "sklearn_seq" and tail in public), f"{path.relative_to(ROOT)} imports {name}"


def test_only_training_knows_skorch():
    assert {room_of(path) for path in modules() for name in imports(path) if name.partition(".")[0] == "skorch"} == {
        "training"
    }


def test_the_lower_rooms_know_no_torch():
    with_torch = {room_of(path) for path in modules() for name in imports(path) if name.partition(".")[0] == "torch"}
    assert with_torch & NO_TORCH == set()
    assert "layers" in with_torch


def test_families_do_not_know_each_other_and_nothing_below_knows_them():
    for path in modules():
        # what begins with an underscore is no family, but what the files of one share
        inside = {name for name in imports(path) if name.startswith("sklearn_seq.families.") and "._" not in name}
        if room_of(path) in ("families", *ROOMS[: ROOMS.index("families")]):
            assert not inside, f"{path.relative_to(ROOT)} imports {inside}"


def loaded(code):
    """Names of the modules that a fresh process has loaded after ``code``, top-level ones and those right below."""
    script = f"""import sys; before = set(sys.modules)\n{code}
print(*sorted({{".".join(m.split(".")[:n]) for m in set(sys.modules) - before for n in (1, 2)}}))"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_loads_the_standard_library_alone():
    found = loaded("import sklearn_seq; dir(sklearn_seq); sklearn_seq.__version__")
    assert {name for name in found if "." not in name} - sys.stdlib_module_names == {"sklearn_seq"}


@pytest.mark.parametrize("room", ["params", "sequences", "preprocessing", "model_selection", "metrics", "datasets"])
def test_importing_a_lower_room_loads_no_torch(room):
    found = loaded(f"import sklearn_seq.{room}")
    assert found & {"torch", "skorch", "polars", "matplotlib"} == set()


def test_a_preprocessing_name_loads_no_torch():
    assert "torch" not in loaded("from sklearn_seq import SlidingWindow, SequenceScaler, Sequences; SlidingWindow(3)")


def test_estimators_load_no_extra():
    found = loaded("from sklearn_seq import LSTMClassifier; LSTMClassifier()")
    assert found & {"polars", "matplotlib", "skops", "hypothesis", "pytest"} == set()
    assert {"sklearn_seq", "torch"} <= found


@pytest.mark.parametrize("name", ["GRUClassifier", "CNNRegressor", "TransformerTagger"])
def test_a_fit_loads_no_compiler_and_leaves_the_filters_of_warnings(name):
    """Torch's own optimisers load it when they are made, and gradients of several numbers load sympy: seconds in each process."""
    y = "[[0, 1, 0]] * 8" if name.endswith("Tagger") else "[0, 1] * 4"
    found = loaded(
        f"import numpy as np, torch, warnings; from sklearn_seq import {name}; X = np.zeros((8, 3))\n"
        f"model, filters = {name}(max_epochs=1), list(warnings.filters)\n"
        f"model.fit(X, {y}).predict(X)\n"
        "assert warnings.filters == filters"
    )
    assert "torch.nn" in found and not found & {"torch._dynamo", "sympy"}


@pytest.mark.parametrize("folder", ["sklearn_seq", "tests", "benchmarks", "examples", "scripts"])
def test_files_are_short(folder):
    long = {
        str(path.relative_to(ROOT)): n
        for path in (ROOT / folder).rglob("*.py")
        if (n := len(path.read_text(encoding="utf-8").splitlines())) > (500 if folder == "sklearn_seq" else 900)
    }
    assert long == {}


def test_no_machine_path_in_a_file():
    for folder in ("sklearn_seq", "tests", "benchmarks", "examples", "docs", "scripts"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".md", ".pyi", ".txt", ".toml", ".json"):
                assert str(ROOT) + "/" not in path.read_text(encoding="utf-8", errors="replace"), path.relative_to(ROOT)


def test_public_names_are_fresh():
    script = ROOT / "scripts" / "public_names.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_unknown_names_get_a_hint():
    with pytest.raises(AttributeError, match=r"has no attribute 'LSTMClasifier'; did you mean 'LSTMClassifier'\?"):
        sklearn_seq.LSTMClasifier  # noqa: B018
    with pytest.raises(AttributeError, match=r"dir\(sklearn_seq\) lists"):
        sklearn_seq.qqqq  # noqa: B018
    assert set(sklearn_seq.__all__) <= set(dir(sklearn_seq))


# -- docs of public objects ----------------------------------------------------------------------------------------------

PUBLIC = [name for name in sklearn_seq.__all__ if name != "__version__"]


def documented(doc, section):
    """Names under a section of a numpydoc text."""
    lines = inspect.cleandoc(doc).splitlines()
    if section not in lines:
        return []
    found = []
    for line in lines[lines.index(section) + 2 :]:
        if set(line) == {"-"}:  # the line above was the next title
            return found[:-1]
        if line and not line.startswith(" "):
            found += [name.strip().lstrip("*") for name in line.partition(" : ")[0].split(",")]
    return found


@pytest.mark.parametrize("name", PUBLIC)
def test_public_objects_are_documented(name):
    thing = getattr(sklearn_seq, name)
    assert thing.__module__ == "sklearn_seq"
    assert thing.__name__ == name
    doc = thing.__doc__
    summary = inspect.cleandoc(doc).partition("\n\n")[0]
    assert summary.endswith((".", ":"))
    wanted = [
        parameter for parameter in inspect.signature(thing).parameters if parameter not in ("self", "args", "kwargs")
    ]
    if issubclass(type(thing), type) and issubclass(thing, tuple):
        assert set(documented(doc, "Attributes")) == set(wanted)
    else:
        assert sorted(documented(doc, "Parameters")) == sorted(wanted)
    if not inspect.isclass(thing):
        return
    for method, function in inspect.getmembers(thing, callable):
        if method.startswith("_") or getattr(function, "__module__", "").partition(".")[0] != "sklearn_seq":
            continue
        assert inspect.getdoc(function), f"{name}.{method}"
        own = [p for p in inspect.signature(function).parameters if p not in ("self", "cls")]
        listed = documented(inspect.getdoc(function), "Parameters")
        assert not listed or set(listed) == set(own), f"{name}.{method}"


@pytest.mark.parametrize("name", [n for n in PUBLIC if inspect.isclass(getattr(sklearn_seq, n))])
def test_public_classes_have_an_example_or_say_where(name):
    doc = getattr(sklearn_seq, name).__doc__
    assert "Examples\n" in doc or issubclass(getattr(sklearn_seq, name), tuple)
