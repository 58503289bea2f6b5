"""Two thousand damaged and hostile files: each is refused with a sentence, and nothing in it runs."""

import contextlib
import copy
import io
import json
import os
import pickle
import re
import sys
import zipfile

import numpy as np
import pytest
from safetensors import numpy as safetensors
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_seq import KmerEncoder, LSTMClassifier, Sequences, SequenceScaler, SlidingWindow, load, save
from sklearn_seq.persistence.archive import pack, sign, unpack

TREE, ARRAYS, SHELLS = "estimator.json", "arrays.safetensors", "shells.skops"
DANGEROUS = [
    *(
        "os.system",
        "posix.system",
        "nt.system",
        "subprocess.Popen",
        "subprocess.call",
        "builtins.eval",
        "builtins.exec",
    ),
    *("builtins.compile", "builtins.open", "builtins.__import__", "builtins.getattr", "builtins.print", "io.open"),
    *("shutil.rmtree", "os.remove", "os.execv", "os.popen", "pty.spawn", "runpy.run_path", "importlib.import_module"),
    *("pickle.loads", "pickle.load", "joblib.load", "joblib.Memory", "numpy.load", "numpy.fromfile", "numpy.save"),
    *("torch.load", "torch.nn.LSTM", "torch.hub.load", "pandas.read_pickle", "pandas.eval", "ctypes.CDLL"),
    *("functools.partial", "operator.methodcaller", "operator.attrgetter", "types.FunctionType", "code.interact"),
    *("sklearn.datasets.fetch_openml", "sklearn.datasets.load_files", "sklearn.externals.os.system", "sklearn.os"),
    *("scipy.stats._distn_infrastructure.rv_continuous_frozen", "scipy.stats._continuous_distns.norm_gen"),
    *("sklearn_seq.save", "sklearn_seq.load", "sklearn_seq.skops_types", "sklearn_seq.LSTMClassifier"),
    *("sklearn_seq.persistence.trust.skops_io", "sklearn_seq.persistence.saving.save", "sklearn_seq.Sequences"),
]
NAMES = [
    *DANGEROUS,
    *(name.rpartition(".")[2] for name in DANGEROUS if name != "sklearn_seq.LSTMClassifier"),
    *("__version__", "_NAMES", "__getattr__", "persistence", "training", "", " ", "LSTMClassifier ", "lstmclassifier"),
    *("TrainingParams", "_LSTM", "Supervised", "make_supervised", "from_channels_first", "../LSTMClassifier", "\0"),
]
NASTY = [
    *(None, True, -1, 0, 10**9, 10**30, 1.5, 1e308, "", "x", "cos\nsystem\n(S'echo'\ntR.", [], [[]], {}, {"x": 1}),
    *({"class": "os.system"}, {"object": 99}, {"object": -1}, {"object": True}, {"foreign": 0}, {"array": "no"}),
    *({"float": "1"}, {"tuple": 3}, {"dict": [[[], 1]]}, {"dict": [[1]]}, {"scalar": ["<f8", "00"]}, {"dtype": "O"}),
    *({"scalar": ["|O8", "0" * 16]}, {"objects": [[10**9], []]}, {"objects": [[-1], [1]]}, {"range": [1, 2, 0]}),
    *({"bytes": ["no", "<f8", [10**12]]}, {"dtype": "V8"}, {"str_": 3}, {"decode": 1}, {"__class__": 1}, {"": 1}),
    *({"transposed": 1}, {"transposed": [[]]}, {"transposed": {"transposed": 0}}),
]
rng = np.random.default_rng(0)
X = rng.normal(size=(24, 6))
LABELS = np.where(X[:, 0] > 0, "up", "down")

running = False
happened = []
FORBIDDEN = re.compile(
    r"os\.(system|exec|posix_spawn|spawn|fork|remove|rename|rmdir|mkdir|chmod|startfile|putenv)|subprocess|pickle|socket|"
    r"shutil|ctypes\.dlopen|urllib|code\.__new__|pty|webbrowser"
)


def watch(event, arguments):
    if running and (FORBIDDEN.match(event) or (event == "open" and re.search("[wax+]", str(arguments[1])))):
        happened.append((event, arguments))


sys.addaudithook(watch)


@contextlib.contextmanager
def watched():
    """Nothing may be executed, looked up for a pickle, or written inside."""
    global running
    happened.clear()
    running = True
    try:
        yield
    finally:
        running = False
    assert not happened


@pytest.fixture(scope="module")
def model():
    return LSTMClassifier(max_epochs=1, hidden_size=3, pooling="mean", random_state=np.random.RandomState(0)).fit(
        X, LABELS
    )


@pytest.fixture(scope="module")
def good(model):
    return saved(model)


@pytest.fixture(scope="module")
def tree(model):
    data = saved(make_pipeline(StandardScaler(), SequenceScaler(), model).fit(X, LABELS))
    load(io.BytesIO(data))  # what is imported now is not imported while the files below are watched
    return data


def saved(estimator):
    file = io.BytesIO()
    save(estimator, file)
    return file.getvalue()


def refused(data, match=None):
    with watched(), pytest.raises(ValueError, match=match) as caught:
        load(io.BytesIO(data))
    message = str(caught.value)
    assert message.startswith("the file cannot be loaded: ") and message.endswith((".", ")")), message
    assert 60 < len(message) < 1500, message


def parts(data):
    entries = unpack(data, "the file")
    return json.loads(entries[TREE]), safetensors.load(entries[ARRAYS]), entries.get(SHELLS)


def made(header, arrays=None, shells=None):
    """A file with a right digest."""
    entries = {
        TREE: header if isinstance(header, bytes) else json.dumps(header).encode(),
        ARRAYS: arrays if isinstance(arrays, bytes) else safetensors.save(arrays),
    }
    return sign(pack(entries | ({} if shells is None else {SHELLS: shells})))


def test_the_tools_of_this_file_make_good_files(good, tree):
    for data in (good, tree):
        with watched():
            assert saved(load(io.BytesIO(made(*parts(data))))) == data


def test_the_watch_sees_what_it_should(tmp_path):
    acts = (
        lambda: os.system("true"),
        lambda: pickle.loads(pickle.dumps(os.path.join)),
        lambda: (tmp_path / "marker").write_text(""),
    )
    for act in acts:
        with pytest.raises(AssertionError), watched():
            act()


# -- 1,200 damaged files ----------------------------------------------------------------------------------------------


def damaged(data, chance):
    data = bytearray(data)
    kind = chance.integers(7)
    first, second = sorted(chance.integers(len(data), size=2))
    if kind == 0:
        data[first] ^= 1 << chance.integers(8)
    elif kind == 1:
        del data[first:]
    elif kind == 2:
        del data[first : second + 1]
    elif kind == 3:
        data[first:first] = chance.bytes(chance.integers(1, 50))
    elif kind == 4:
        data[first:second] = chance.bytes(second - first)
    elif kind == 5:
        data += chance.bytes(chance.integers(1, 50))
    else:
        data[first:first] = data[first : second + 1]
    return bytes(data)


def test_damaged_files_are_refused(good, tree):
    chance = np.random.default_rng(1)
    n = 0
    while n < 1_200:
        data = (good, tree)[n % 2]
        worse = damaged(data, chance)
        if worse != data:
            refused(worse)
            n += 1


def test_every_byte_counts(good):
    for place in range(0, len(good), 23):
        refused(good[:place] + bytes([good[place] ^ 0x20]) + good[place + 1 :])


def test_other_files_are_refused(model):
    refused(b"", "no complete file")
    refused(b"PK\x03\x04", "no complete file")
    refused(pickle.dumps(model), "looks like a pickle")
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w") as archive:
        archive.writestr("a", "b")
    refused(plain.getvalue(), "digest is missing")


# -- hostile files with a right digest --------------------------------------------------------------------------------


def zipped(entries, **options):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return sign(file.getvalue())


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_archives_of_another_form_are_refused(good):
    header, arrays = list(unpack(good, "the file").items())
    refused(zipped([arrays, header]), "entries")
    refused(zipped([header]), "entries")
    refused(zipped([header, arrays, ("evil.py", b"")]), "entries")
    refused(zipped([header, arrays, ("../../evil", b"")]), "entries")
    refused(zipped([header, ("/" + ARRAYS, arrays[1])]), "entries")
    refused(zipped([header, arrays, header]), "two entries of one name")
    refused(zipped([header, arrays], compression=zipfile.ZIP_DEFLATED), "compressed")
    refused(zipped([header, (ARRAYS, b"\0" * 10**7)], compression=zipfile.ZIP_DEFLATED), "compressed")
    refused(zipped([(TREE, header[1]), (ARRAYS, b"")]), "safetensors")
    huge = good.replace(len(header[1]).to_bytes(4, "little"), (2**31).to_bytes(4, "little"))
    refused(sign(huge[:-71] + b"sha256:" + b"0" * 64))


def test_pickles_in_place_of_parts_are_refused(tree, tmp_path):
    marker = tmp_path / "marker"

    class Evil:
        def __reduce__(self):
            return (os.system, (f"touch {marker}",))

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        evil = pickle.dumps(Evil(), protocol)
        for i in range(3):
            entries = list(unpack(tree, "the file").values())
            entries[i] = evil
            refused(made(*entries))
        as_array = np.frombuffer(evil, np.uint8)
        header, arrays, shells = parts(tree)
        refused(made(header, arrays | {"evil": as_array}, shells), "nothing refers to")
        file = io.BytesIO()
        np.save(file, np.array([Evil()], dtype=object), allow_pickle=True)
        refused(made(header, arrays, with_files(shells, file.getvalue())), "header does not fit")
    assert not marker.exists()


def with_files(shells, content):
    entries = unpack(shells, "shells")
    return pack({name: content if name.endswith(".npy") else old for name, old in entries.items()})


@pytest.mark.parametrize("where", ["class", "function", "distribution", "requests", "kind", "loader"])
def test_dangerous_names_are_refused(good, where):
    header, arrays, _ = parts(good)
    for name in NAMES:
        evil = copy.deepcopy(header)
        if where == "class":
            evil["objects"][0]["class"] = name
        elif where == "kind":
            evil["objects"].append({name: ["echo"]})
        elif where == "loader":
            evil["objects"][0]["state"]["callbacks"] = {name: ["echo"]}
        else:
            content = {
                "function": name,
                "distribution": [name, ["echo"], {"dict": []}],
                "requests": ["x", {"dict": [[name, {}]]}],
            }
            if where == "function" and name in ("from_channels_first", "make_supervised"):
                continue  # they only compute
            evil["objects"].append({where: content[where]})
            evil["objects"][0]["state"]["verbose"] = {"object": 2}
        refused(made(evil, arrays))


def test_a_state_that_stands_before_the_class_is_refused(good):
    header, arrays, _ = parts(good)
    params = LSTMClassifier().get_params()
    names = [name for name in dir(LSTMClassifier) if name not in params]
    assert {"predict", "module_", "__class__", "_build", "__reduce__", "__setstate__", "n_parameters_"} <= set(names)
    for name in [
        *names,
        "_module",
        "_trained_windows",
        "__dict__",
        "__weakref__",
        "x",
        "fitted",
        "a.b_",
        "ä_",
        "",
        "_",
        "1_",
    ]:
        evil = copy.deepcopy(header)
        evil["objects"][0]["state"][name] = 1
        refused(made(evil, arrays))


def test_states_with_too_little_or_too_much_are_refused(good):
    header, arrays, _ = parts(good)
    for name in LSTMClassifier().get_params():
        evil = copy.deepcopy(header)
        del evil["objects"][0]["state"][name]
        refused(made(evil, arrays), f"parameter {name} of LSTMClassifier is missing")
        for value in ([], {"dict": []}, {"tuple": [1]}, "os.system", -(10**30), {"float": "nan"}, {"object": 0}):
            if (name, str(value)) in {
                ("callbacks", "[]"),
                ("class_weight", "{'dict': []}"),
                ("optimizer", "os.system"),
                # looked into when they are used, which is in fit
                *((name, str(value)) for name in ("augment", "freeze") for value in ([], {"tuple": [1]}, "os.system")),
                ("augment", "{'dict': []}"),
                ("body", "os.system"),
            }:
                continue
            if (name in ("callbacks", "device")) and isinstance(value, str | dict):
                continue
            evil = copy.deepcopy(header)
            evil["objects"][0]["state"][name] = value
            refused(made(evil, arrays))
    for name in [name for name in header["objects"][0]["state"] if name in ("_fitted_params", "_weights")]:
        for value in (*NASTY, {"delete": 1}):
            evil = copy.deepcopy(header)
            evil["objects"][0]["state"][name] = value
            if value == {"delete": 1}:
                del evil["objects"][0]["state"][name]
            refused(made(evil, arrays))


def test_parameters_of_a_fit_that_are_none_are_refused():
    header, arrays, _ = parts(saved(KmerEncoder(2).fit(["ACGT"])))
    noted = header["objects"][0]["state"]["_params_of_fit"]["dict"]
    for value in ("3", 0, {"object": 0}, [2], None):
        for i, (name, _) in enumerate(noted):
            if name == "k":
                evil = copy.deepcopy(header)
                evil["objects"][0]["state"]["_params_of_fit"]["dict"][i][1] = value
                refused(made(evil, arrays))
    for value in ([], "k", 3, {"dict": [["length", 3]]}):
        evil = copy.deepcopy(header)
        evil["objects"][0]["state"]["_params_of_fit"] = value
        refused(made(evil, arrays))


def fitted_params(header):
    return dict_of(header["objects"][0]["state"]["_fitted_params"])


def dict_of(node):
    return {key: (pair, i) for i, pair in enumerate(node["dict"]) for key in [pair[0]]}


@pytest.mark.parametrize("name", ["hidden_size", "n_layers", "bidirectional", "dtype", "pooling", "missing"])
@pytest.mark.parametrize("value", [2, 10**5, 10**9, 10**18, 10**30, True, "float64", "attention", "mask", "last", None])
def test_networks_that_do_not_fit_their_weights_are_refused_before_memory_is_spent(good, name, value):
    header, arrays, _ = parts(good)
    pair, _ = fitted_params(header)[name]
    before, pair[1] = pair[1], value
    if (name, value) in (("n_layers", True), ("pooling", "last")):  # 1, and a pooling without weights
        assert load(io.BytesIO(made(header, arrays))).get_params()[name] == before
    else:
        refused(made(header, arrays), "LSTMClassifier")


def test_a_network_of_absurd_size_is_refused_from_its_channels_and_classes(good):
    for value in (2, 10**5, 10**9, 10**18, -1, 0, None, "x", 1.5):
        header, arrays, _ = parts(good)
        header["objects"][0]["state"]["_n_channels"] = value
        refused(made(header, arrays))
    header, arrays, _ = parts(good)
    header["objects"][0]["state"]["classes_"] = {"objects": [[1], ["up"]]}
    refused(made(header, {k: v for k, v in arrays.items() if not k.endswith("classes_")}), "head")


def test_weights_of_another_shape_or_kind_are_refused(good):
    header, arrays, _ = parts(good)
    for name, array in arrays.items():
        others = {
            "without": None,
            "longer": np.zeros((*array.shape, 2), array.dtype),
            "shorter": array[..., :-1],
            "empty": np.zeros((0, 10**9), array.dtype),
            "whole numbers": array.astype(np.int64),
            "boolean": array.astype(bool),
        }
        for kind, other in others.items():
            is_weight = "_weights" in name
            if not is_weight and kind != "without":
                continue  # a curve of the training may have any length
            changed = {key: value for key, value in arrays.items() if key != name} | (
                {} if other is None else {name: other}
            )
            refused(made(header, changed))
        refused(made(header, arrays | {name + "2": array}), "nothing refers to")


def test_headers_of_safetensors_that_lie_are_refused(good):
    entries = unpack(good, "the file")
    data = entries[ARRAYS]
    size = int.from_bytes(data[:8], "little")
    text = data[8 : 8 + size].decode()
    lies = [
        data[:4],
        (2**63).to_bytes(8, "little") + data[8:],
        (10**9).to_bytes(8, "little") + data[8:],
        *(
            data[:8] + text.replace(old, new)[:size].ljust(size).encode() + data[8 + size :]
            for old, new in [
                ('"F32"', '"F64"'),
                ('"F32"', '"XXX"'),
                ('"F32"', '"BF16"'),
                ('"shape":[', '"shape":[9'),
                ("data_offsets", "data_0ffsets"),
                ('"data_offsets":[', '"data_offsets":[-'),
                ("{", "["),
                ('"shape":[', '"shape":[99999999999,'),
            ]
        ),
    ]
    for lie in lies:
        refused(made(entries[TREE], lie))


def test_json_that_is_deep_or_odd_is_refused(good):
    header, arrays, _ = parts(good)
    text = json.dumps(header)
    assert '"verbose": 0' in text
    deep = ["[" * 10**5, "[" * 10**5 + "]" * 10**5, '{"tuple": [' * 5_000 + "]}" * 5_000, "[" * 500 + "]" * 500]
    odd = [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "0" * 10,
        "9" * 5_000,
        "'x'",
        "",
        "{",
        '"\\ud8"',
        '{"tuple":[],"tuple":[]}',
    ]
    for bad in [*deep, *odd]:
        refused(made(text.replace('"verbose": 0', f'"verbose": {bad}').encode(), arrays))
        refused(made(bad.encode(), arrays))
    for bad in (
        text.encode()[:-1],
        text.encode("utf-16"),
        b"\xff" + text.encode(),
        text.encode() + b"{}",
        b"null",
        b"[]",
        b"3",
    ):
        refused(made(bad, arrays))


@pytest.mark.parametrize("name", ["format", "versions", "objects", "root", "other"])
def test_headers_that_are_not_understood_are_refused(good, name):
    header, arrays, _ = parts(good)
    for value in [
        *NASTY,
        [None],
        [1],
        ["LSTMClassifier"],
        [{}],
        [{"class": "LSTMClassifier"}],
        [{"class": 1, "state": 2}],
    ]:
        evil = copy.deepcopy(header) | {name: value}
        if (name, value) not in (("root", {"object": False}), ("format", True)):
            refused(made(evil, arrays))
        evil.pop(name)
        refused(made(evil, arrays)) if name != "other" else None


@pytest.mark.parametrize(
    ("part", "value"),
    [(r'\["has_uint32", 0\]', '["has_uint32", 2]'), ("PCG64", "MT19937"), (r'\["inc", ', '["inc", -'), ("state", "x")],
)
def test_generators_that_are_none_are_refused(part, value):
    estimator = SequenceScaler()
    estimator.value_ = np.random.default_rng(0)
    header, arrays, _ = parts(saved(estimator))
    (i,) = [i for i, node in enumerate(header["objects"]) if "generator" in node]
    header["objects"][i]["generator"] = json.loads(re.sub(part, value, json.dumps(header["objects"][i]["generator"])))
    refused(made(header, arrays), "generator")


def test_random_states_that_numpy_would_believe_are_refused(good):
    header, arrays, _ = parts(good)
    (i,) = [i for i, node in enumerate(header["objects"]) if "random_state" in node]
    text = json.dumps(header["objects"][i])
    assert '["pos", ' in text
    for pos in ("-1", "625", "1000000", "1.5", "null", "true", '"x"'):
        evil = copy.deepcopy(header)
        evil["objects"][i] = json.loads(re.sub(r'(\["pos", )\d+', rf"\g<1>{pos}", text))
        refused(made(evil, arrays), "random_state")
    evil["objects"][i] = json.loads(text.replace("MT19937", "PCG64"))
    refused(made(evil, arrays), "random_state")
    (key,) = [name for name in arrays if "key" in name]
    refused(made(header, arrays | {key: arrays[key][:5]}), "random_state")


def test_sequences_that_point_outside_their_rows_are_refused():
    windows = SlidingWindow(3).fit_transform(X)
    data = saved(make_pipeline(FunctionTransformer(kw_args={"a": windows})))
    header, arrays, shells = parts(data)
    (i,) = [i for i, node in enumerate(header["objects"]) if "sequences" in node]
    names = [part["array"] for part in header["objects"][i]["sequences"] if isinstance(part, dict)]
    for name in names[1:]:
        for change in (arrays[name] - 5, arrays[name] * 1000, arrays[name].astype(float), arrays[name][:-1]):
            if name != names[3] or change.dtype != np.int64 or len(change) < len(windows):
                refused(made(header, arrays | {name: change}, shells), "sequences")
    assert isinstance(windows, Sequences)


# -- the part of skops ------------------------------------------------------------------------------------------------


def node(loader, module, name, **more):
    return {"__class__": name, "__module__": module, "__loader__": loader, **more}


def string(text):
    return node("JsonNode", "builtins", "str", content=json.dumps(text), is_json=True)


def several(loader, kind, *items):
    return node(loader, "builtins", kind, content=list(items))


def mapping(**items):
    keys = several("ListNode", "list", *(node("TypeNode", "builtins", "str") for _ in items))
    return node("DictNode", "builtins", "dict", content=items, key_types=keys)


def evil_nodes(name):
    module, _, function = name.rpartition(".")
    arguments = several("TupleNode", "tuple", string("touch marker"))
    call = node("FunctionNode", module, function)
    return [
        call,
        node("TypeNode", module, function),
        node("ObjectNode", module, function),
        node("ObjectNode", module, function, content=mapping(a=string("touch marker"))),
        node("ConstructorFromReduceNode", module, function, content=arguments),
        node(
            "PartialNode",
            "functools",
            "partial",
            content={"func": call, "args": arguments, "kwds": mapping(), "namespace": mapping()},
        ),
        several("ListNode", "list", call) | {"__class__": function, "__module__": module},
        several("SetNode", "set", call) | {"__class__": function, "__module__": module},
        mapping(a=string("a")) | {"__class__": function, "__module__": module},
        mapping(a=string("touch marker"))
        | {"key_types": several("ListNode", "list", node("TypeNode", module, function))},
        node("DefaultDictNode", "collections", "defaultdict", content={"main": mapping(), "default_factory": call}),
        node("MethodNode", module, function, content={"func": "system", "obj": node("ObjectNode", module, function)}),
        node("OperatorFuncNode", "operator", "methodcaller", attrs=several("TupleNode", "tuple", string("system"))),
        node("LossNode", module, function, content=mapping(), __reduce__={"args": arguments}),
        node("TreeNode", module, function, content=mapping(), __reduce__={"args": arguments}),
        node("NdArrayNode", module, function, type="json", content=[call], shape=several("TupleNode", "tuple")),
        node("RandomStateNode", module, function, content=mapping()),
        node(
            "RandomGeneratorNode",
            "numpy.random._generator",
            "Generator",
            content={"bit_generator": mapping(bit_generator=string(function)), "seed_seq": mapping()},
        ),
        node("QuantileForestNode", module, function, content=mapping()),
        node("CachedNode", module, function),
        node("EvilNode", module, function),
    ]


def with_node(shells, evil):
    """The Pipeline's memory, of all parameters the one that may be anything, replaced."""
    entries = unpack(shells, "shells")
    schema = json.loads(entries["schema.json"])
    state = schema["content"][0]["content"]["content"]
    assert "memory" in state
    state["memory"] = evil
    return pack(entries | {"schema.json": json.dumps(schema).encode()})


def test_dangerous_names_in_the_part_of_skops_are_refused(tree, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    header, arrays, shells = parts(tree)
    assert load(io.BytesIO(made(header, arrays, with_node(shells, string("good"))))).memory == "good"
    n = 0
    for name in DANGEROUS:
        for evil in evil_nodes(name)[: None if name in DANGEROUS[:4] else 5]:
            refused(made(header, arrays, with_node(shells, evil)))
            n += 1
    assert n > 250 and not list(tmp_path.iterdir())


def test_slots_of_skops_that_lie_are_refused(tree):
    header, arrays, shells = parts(tree)
    module = "sklearn_seq.persistence.slots"
    for index in (-1, 5, 10**30, "0", 1.5, None, True):
        for items in ([index], [index, index], []):
            slot = several("ListNode", "list", *map(string, items)) | {"__class__": "Slot", "__module__": module}
            refused(made(header, arrays, with_node(shells, slot)))
            slot = several("TupleNode", "tuple", *map(string, items))
            slot = node("ConstructorFromReduceNode", module, "Slot", content=slot)
            refused(made(header, arrays, with_node(shells, slot)))
    for name in ("Slot.standing_for", "with_slots", "_slots", "Any"):
        refused(made(header, arrays, with_node(shells, node("FunctionNode", module, name))))
    refused(made(header | {"objects": header["objects"] + [header["objects"][1]]}, arrays, shells), "nothing refers to")


def test_a_part_of_skops_of_another_form_is_refused(tree):
    header, arrays, shells = parts(tree)
    entries = unpack(shells, "shells")
    schema = json.loads(entries["schema.json"])
    for protocol in (0, 1, -1, 99, None, True, "2", 2.0):
        evil = json.dumps(schema | {"protocol": protocol}).encode()
        refused(made(header, arrays, pack(entries | {"schema.json": evil})))
    for text in (b"", b"null", b"[]", b"[" * 10**5, json.dumps(schema["content"][0]).encode()):
        refused(made(header, arrays, pack(entries | {"schema.json": text})))
    for name in ("../evil.npy", "evil.py", "x.npy", "/1.npy", "1.pkl", "schema.json.npy"):
        refused(made(header, arrays, pack(entries | {name: b""})), "entry")
    refused(made(header, arrays, pack({"schema.json": entries["schema.json"]})))
    refused(made(header, arrays, zipped(list(entries.items()), compression=zipfile.ZIP_DEFLATED)), "compressed")
    refused(made(header, arrays))
    for kind in NASTY:
        if isinstance(kind, dict):
            refused(made(header, arrays, with_node(shells, kind)))


def test_arrays_of_skops_that_ask_for_memory_are_refused(tree):
    header, arrays, shells = parts(tree)
    for shape in ((10**12,), (10**6, 10**9), (7,), (-1,), (0, 5)):
        file = io.BytesIO()
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
        refused(made(header, arrays, with_files(shells, file.getvalue() + b"\0" * 48)), "header does not fit")
    for content in (b"", b"\x93NUMPY", b"\x93NUMPY\x09\x00", b"x" * 100, file.getvalue()[:40]):
        refused(made(header, arrays, with_files(shells, content)))


def test_matrices_that_point_outside_themselves_are_refused():
    import scipy.sparse

    matrix = scipy.sparse.csr_matrix(np.eye(4))
    data = saved(make_pipeline(FunctionTransformer(kw_args={"a": matrix})))
    header, arrays, shells = parts(data)
    found = load(io.BytesIO(data), trusted=["scipy.sparse._csr.csr_matrix"])
    assert (found.steps[0][1].kw_args["a"] != matrix).nnz == 0
    entries = unpack(shells, "shells")
    (name,) = [name for name in entries if name.endswith(".npz")]
    inside = unpack(entries[name], name)
    file = io.BytesIO()
    np.save(file, np.array([10**6, 1, 2, 3], np.int32))
    evil = pack(entries | {name: pack(inside | {"indices.npy": file.getvalue()})})
    refused(made(header, arrays, evil), "ind(ices|ex)")


def test_functions_of_scikit_learn_that_only_compute_are_let_in():
    from sklearn.metrics import accuracy_score

    search = GridSearchCV(LSTMClassifier(), {}, scoring=make_scorer(accuracy_score))
    assert load(io.BytesIO(saved(search))).scoring._score_func is accuracy_score


# -- anything, anywhere -----------------------------------------------------------------------------------------------


def places(node, found):
    if isinstance(node, dict | list):
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            found.append((node, key))
            places(node[key], found)
    return found


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")
def test_anything_anywhere_is_refused_or_harmless(good, tree):
    chance = np.random.default_rng(2)
    n_refused = 0
    for i in range(400):
        header, arrays, shells = parts((good, tree)[i % 4 == 0])
        if shells is not None and i % 8 == 0:
            entries = unpack(shells, "shells")
            schema = json.loads(entries["schema.json"])
            where = places(schema, [])
        else:
            where = places(header["objects"], [])
        holder, key = where[chance.integers(len(where))]
        if chance.integers(4) == 0:
            del holder[key]
        else:
            holder[key] = copy.deepcopy(NASTY[chance.integers(len(NASTY))])
        if shells is not None and i % 8 == 0:
            shells = pack(entries | {"schema.json": json.dumps(schema).encode()})
        data = made(header, arrays, shells)
        with watched():
            try:
                found = load(io.BytesIO(data))
            except ValueError as error:
                assert str(error).startswith("the file cannot be loaded: ")
                n_refused += 1
            else:
                assert type(found).__name__ in ("LSTMClassifier", "Pipeline")
    assert n_refused > 250
