"""The decorator: a line a parameter gives the constructor, the rules, the docs; what would fail silently is refused."""

import inspect
import pickle
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pytest
import sklearn.base
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils._param_validation import InvalidParameterError

import sklearn_seq
from sklearn_seq import GRUClassifier, LSTMRegressor, SlidingWindow
from sklearn_seq.params import AtLeast, Between, Positional, Positive, RandomState, estimator, public


@estimator
class _Family(BaseEstimator):
    """Not shown.

    Attributes
    ----------
    inherited_ : int
        From the family.
    """

    size: Annotated[int, AtLeast(1), "How many."] = 3
    rate: Annotated[float | None, Positive, "How fast."] = 0.5
    kind: ClassVar[str] = "no parameter"

    def fit(self, X, y=None):
        self._validate_params()
        return self


@estimator
class Thing(TransformerMixin, _Family):
    """A thing.

    It does nothing.

    Attributes
    ----------
    own_ : int
        Of its own.

    Examples
    --------
    >>> 1 + 1
    2
    """

    window: Annotated[int | Literal["auto"], AtLeast(2), Positional, "Rows."] = "auto"
    mode: Annotated[Literal["a", "b"], "One of two."] = "a"
    share: Annotated[float, Between(0, 1, "left"), "A share."] = 0.0
    both: Annotated[int | float, AtLeast(0), "A number."] = 1
    flag: Annotated[bool, "Whether."] = False
    items: Annotated[list | tuple | None, "Some."] = None
    hook: Annotated[Callable[[int], int] | None, "Called."] = None
    weights: Annotated[np.ndarray | None, "Weights."] = None
    random_state: Annotated[RandomState, "Seed."] = None


def test_signature():
    parameters = inspect.signature(Thing).parameters
    kinds = {name: parameter.kind.name for name, parameter in parameters.items()}
    assert kinds.pop("window") == "POSITIONAL_OR_KEYWORD"
    assert set(kinds.values()) == {"KEYWORD_ONLY"}
    assert kinds.keys() == {"size", "rate", "mode", "share", "both", "flag", "items", "hook", "weights", "random_state"}
    assert parameters["size"].annotation is int
    assert parameters["rate"].annotation == float | None
    assert parameters["mode"].default == "a"
    assert Thing(5).window == 5
    with pytest.raises(TypeError, match="positional argument"):
        Thing(5, "b")


def test_constraints_follow_the_annotations():
    good = {
        "size": [1, np.int64(7)],
        "rate": [None, 1, 0.1, np.float32(2)],
        "window": ["auto", 2],
        "mode": ["a", "b"],
        "share": [0, 0.0, 0.99],
        "both": [0, 3, 2.5],
        "flag": [True, np.False_],
        "items": [None, [], (1,)],
        "hook": [None, abs],
        "weights": [None, np.ones(3)],
        "random_state": [None, 0, np.random.RandomState(0)],
    }
    bad = {
        "size": [0, 1.5, "a", None],
        "rate": [0, -1, "a"],
        "window": [1, "all", None, 2.5],
        "mode": ["c", None],
        "share": [1.0, -0.1, None],
        "both": [-1, -0.5, "a", None],
        "flag": ["yes", None],
        "items": [3, "abc"],
        "hook": [3],
        "weights": [3, "abc"],
        "random_state": ["a", -1],
    }
    assert good.keys() == bad.keys() == Thing().get_params().keys()
    for name, values in good.items():
        for value in values:
            Thing(**{name: value}).fit(None)
    for name, values in bad.items():
        for value in values:
            with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter of Thing must be"):
                Thing(**{name: value}).fit(None)


def test_docs_have_own_parameters_first_and_inherited_attributes():
    doc = inspect.getdoc(Thing)
    assert doc.startswith(
        "A thing.\n\nIt does nothing.\n\nParameters\n----------\nwindow : int or {\"auto\"}, default='auto'\n    Rows."
    )
    order = [line.partition(" :")[0] for line in doc.splitlines() if " : " in line]
    assert order == [
        *("window", "mode", "share", "both", "flag", "items", "hook", "weights", "random_state", "size", "rate"),
        "own_",
    ]
    assert "rate : float or None, default=0.5\n    How fast." in doc
    assert "random_state : int, RandomState instance or None, default=None" in doc
    assert "hook : callable or None, default=None" in doc
    assert "weights : array or None, default=None" in doc
    assert doc.index("Attributes") < doc.index("Examples")
    assert "Not shown" not in doc
    assert "kind" not in doc
    # bases of ours bring the attributes that they document
    assert "n_iter_ : int" in inspect.getdoc(GRUClassifier)
    assert "classes_ : ndarray" in inspect.getdoc(GRUClassifier)


def test_a_family_may_override_a_default_and_its_doc():
    @estimator
    class Faster(_Family):
        """Faster."""

        rate: Annotated[float, Positive, "Faster still."] = 2.0

    assert Faster().rate == 2.0
    assert "rate : float, default=2.0\n    Faster still." in inspect.getdoc(Faster)
    assert _Family().rate == 0.5
    with pytest.raises(InvalidParameterError):
        Faster(rate=None).fit(None)


# bases are refused by their module: ours
def _ours(bases, annotations, **body):
    return type("Made", bases, {"__module__": "sklearn_seq.made", "__annotations__": annotations, **body})


def test_an_undecorated_base_is_refused():
    bare = _ours((BaseEstimator,), {"size": int}, size=3)
    with pytest.raises(TypeError, match="Made inherits the fields of Made, which is not decorated: add @estimator"):
        estimator(_ours((bare,), {}))


def test_a_mixin_right_of_the_base_is_refused():
    with pytest.raises(TypeError, match="ClassifierMixin must stand left of the family"):

        @estimator
        class Wrong(_Family, sklearn.base.ClassifierMixin):
            """Wrong."""


def test_a_field_without_a_default_is_refused():
    with pytest.raises(TypeError, match=r"Bare\.size has no default; every parameter of an estimator needs one"):

        @estimator
        class Bare(BaseEstimator):
            """Bare."""

            size: Annotated[int, "How many."]


def test_an_annotation_that_means_nothing_is_refused():
    with pytest.raises(TypeError, match="no constraint is known"):

        @estimator
        class Odd(BaseEstimator):
            """Odd."""

            size: Annotated[Any, "How many."] = 3


def test_only_things_of_ours_become_public():
    assert Thing.__module__ == __name__

    def function():
        pass

    function.__module__ = "sklearn_seq.somewhere"
    assert public(function).__module__ == "sklearn_seq"


# -- what scikit-learn does with them ------------------------------------------------------------------------------------


def test_parameters_are_stored_as_given():
    levels = [0.2, 0.8]
    model = LSTMRegressor(quantiles=levels, hidden_size=np.int64(3))
    assert model.quantiles is levels
    assert model.get_params()["hidden_size"] is model.hidden_size
    assert vars(model).keys() == model.get_params().keys()
    copied = clone(model.set_params(lr=0.5))
    assert copied.get_params() == model.get_params()
    assert copied is not model
    assert model != copied  # estimators are equal only to themselves
    assert len({model, copied}) == 2


def test_repr_and_html():
    assert repr(GRUClassifier(hidden_size=7)) == "GRUClassifier(hidden_size=7)"
    assert repr(SlidingWindow(48)) == "SlidingWindow(window=48)"
    page = GRUClassifier(hidden_size=7)._repr_html_()
    assert "GRUClassifier" in page
    assert "hidden_size" in page
    if hasattr(GRUClassifier(), "_get_doc_link") and "numpydoc" in page.lower():
        assert "Units a layer and direction." in page


def test_pickles_name_the_public_package():
    for name in sklearn_seq.__all__:
        thing = getattr(sklearn_seq, name)
        if inspect.isclass(thing):
            assert pickle.loads(pickle.dumps(thing)) is thing
            text = pickle.dumps(thing, 0)
            assert b"csklearn_seq\n" + name.encode() in text


def test_pickles_of_an_earlier_layout_open():
    """What is saved names `sklearn_seq` alone, never the file a class lives in."""
    data = pickle.dumps(GRUClassifier(hidden_size=7))
    assert b"sklearn_seq.families" not in data
    assert pickle.loads(data).hidden_size == 7
