"""The door of every exported function: a wrong argument is named, another kind converted."""

import importlib
import inspect
import pkgutil
import signal
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_origin

import numpy as np
import pandas as pd
import pytest
import torch
from door_calls import CALLS as COMPUTED
from door_calls_runs import CALLS as STORED
from torch import Tensor, nn

import ibcore

CALLS = {**COMPUTED, **STORED}
SPARED = {
    "what functions return; nobody else makes it": (
        *("nets.Moments", "tasks.ColoredDigits", "tasks.Digits", "tasks.Episodes", "tasks.Glyphs"),
        *("tasks.Modular", "tasks.Moduli", "tasks.SparseRegression", "training.Trained"),
        *("redshift.Guesses", "redshift.LearnedActivation", "metainit.Fitted", "stats.Interval"),
        *("metainit.Posterior", "metainit.Reduction", "metainit.Start", "guidance.Batch"),
        *("guidance.Guided", "guidance.Weights", "memory.SweepResult", "plots.Shown"),
        *("data.DataSet", "data.ImageData", "data.RemoteFile", "data.WikiText2", "runs.Claim"),
        *("runs.ClaimResult", "runs.Estimate", "runs.Provenance", "runs.Stored"),
        *("exercises.Outcome", "exercises.Trial", "synthesis.DigitTask"),
    ),
    "takes only what other calls return": ("tasks.stack_problems", "memory.Problem"),
    "takes no argument": (
        *("data.load_cifar10", "data.load_fashion_mnist", "data.load_mnist"),
        *("data.load_tiny_shakespeare", "data.load_wikitext2", "guidance.PixelGuide"),
        *("exercises.exercises", "explorers.is_static", "runs.default_store"),
        *("runtime.default_tier", "runtime.describe"),
    ),
    "reads or fetches an archive; its own tests hand it wrong ones": (
        *("data.data_file", "data.fetch", "data.omniglot_archive", "tasks.read_omniglot"),
    ),
    "is a part of the door": (
        *("runtime.as_folder", "runtime.as_kind", "runtime.as_path", "runtime.as_seed"),
        *("runtime.device_name", "runtime.of_wrong_kind", "runtime.whole_number"),
    ),
    "ranks resamples of what its callers checked": ("stats.rank_correlations",),
    "is called at every step, with what its callers made": (
        *("synthesis.TappedMLP", "synthesis.dissimilarity"),
    ),
    "an error, raised by us": (
        *("runs.CellError", "runs.DamagedResultError", "runs.LedgerError", "runs.TimeLimitError"),
    ),
    "what others derive from": ("explorers.Explorer", "guidance.Guide"),
}
INSIDE = {  # what a call of ours takes apart
    **dict.fromkeys(("support_x", "support_y", "a", "b"), ("support",)),
    **dict.fromkeys(("query_x", "query_y", "c", "d"), ("query",)),
    **dict.fromkeys(("x", "y"), ("train", "xs", "ys")),
    **dict.fromkeys(("name", "tiers"), ("unknown exercise", "unknown experiment", "unknown tier")),
}
MEANT = {  # what takes more than its good value shows
    *("training.OptimizerConfig.learning_rate", "training.OptimizerConfig.weight_decay"),
    *("training.OptimizerConfig.momentum", "training.OptimizerConfig.sam_radius"),
    *("training.OptimizerConfig.decay_steps", "tasks.table_episodes.support"),
    *("population.member_seed.member", "tasks.modular_addition.modulus"),
    *("tasks.modular_labels.modulus", "memory.noise_clock.batch_size"),
    *("memory.Pipeline.decay_steps", "memory.Pipeline.name", "memory.explicit_clock.momentum"),
    *("memory.explicit_clock.learning_rate", "memory.explicit_clock.weight_decay"),
    *("memory.noise_clock.learning_rate", "memory.noise_clock.squared_gradient"),
    *("exercises.check.answer", "runs.write.frame"),  # any answer is graded, no row is a frame
}
TEXTS = ("band", "caption", "source", "title", "stub", "solution", "hint", "variable", "code")
TEXTS += ("question",)  # free ones
SECONDS = 5.0  # for a call that takes milliseconds

WRONG_INT = (-1, 2.5, "3", True, None, float("nan"), 10**12, [1], np.array([1, 2]))
WRONG_FLOAT = (float("nan"), float("inf"), "1", None, True, 1j, np.array([0.5, 0.5]))
WRONG_SEED = (-1, 2**64, None, 1.5, "0", True)
WRONG_CHOICE = ("nonsense", 3.5, ["relu"])
WRONG_FLAG = ("no", 2, 1.0)
WRONG_TENSOR = ("x", object(), {"a": 1}, [["a"]], 1j)
WRONG_LABELS = ("x", None, torch.tensor([0.5]), np.array([-1]))
WRONG_DEVICE = ("gpu", 7.5)
WRONG_DTYPE = (torch.int64, "text", 3)
WRONG_PATH = (3.5, "", None, ["a"], object())
WRONG_FRAME = (3, "x", None, {"a": [1]}, pd.DataFrame())


def wrong_values(name: str, good: Any) -> tuple[Any, ...]:  # noqa: PLR0911  # one kind a line
    """Return what no parameter of this kind can take, judged by its name and a good value."""
    if name in ("seed", "split") and type(good) is int:
        return WRONG_SEED
    if name == "device":
        return WRONG_DEVICE
    if name in ("store", "path"):
        return WRONG_PATH
    if isinstance(good, pd.DataFrame):
        return WRONG_FRAME
    kinds = {bool: WRONG_FLAG, int: WRONG_INT, float: WRONG_FLOAT, torch.dtype: WRONG_DTYPE}
    if type(good) in kinds:
        return kinds[type(good)]
    if isinstance(good, str):
        return WRONG_CHOICE[name in TEXTS :]
    if isinstance(good, Tensor) and not good.is_floating_point():
        return WRONG_LABELS
    if isinstance(good, Tensor):
        return (*WRONG_TENSOR, _spoiled(good, float("nan")), _spoiled(good, float("inf")))
    if isinstance(good, np.ndarray) and good.dtype.kind == "f":
        return ("x", object(), _spoiled(good, float("nan")), _spoiled(good, float("inf")))
    if isinstance(good, tuple | list) and good and isinstance(good[0], str):
        return ("text", 3, [3])
    if isinstance(good, tuple | list):
        return ("text", 3.5j, [None], ["a"])
    if isinstance(good, nn.Module | Mapping) or is_dataclass(good) or callable(good):
        return (3, "x", None)
    return ()


def same_values(good: Any) -> tuple[Any, ...]:  # noqa: PLR0911  # one kind a line
    """Return other containers of a good value, which must give the same result."""
    if type(good) is int:
        return (np.int64(good),)
    if type(good) is float:
        return (np.float64(good), torch.tensor(good, dtype=torch.float64))
    if type(good) is bool:
        return (np.bool_(good),)
    if isinstance(good, Path):
        return (str(good),)
    if isinstance(good, Tensor):
        exact = not good.is_floating_point() or good.dtype == torch.float64
        return (good.numpy(), *((good.tolist(),) if exact and good.dtype != torch.bool else ()))
    if isinstance(good, np.ndarray):
        return (torch.from_numpy(good), good.tolist())
    if isinstance(good, tuple) and good and not isinstance(good[0], str):
        return (list(good), np.array(good))
    return ()


def _spoiled(values: Any, value: float) -> Any:
    """Return a copy with one element replaced."""
    copy = values.clone() if isinstance(values, Tensor) else values.copy()
    copy.reshape(-1)[-1] = value
    return copy


@contextmanager
def limited() -> Iterator[None]:
    """Raise ``TimeoutError`` in a call that does not end."""

    def stop(*_: Any) -> None:
        raise TimeoutError

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def outcome(name: str, parameter: str, value: Any) -> tuple[str, Any]:
    """Call with one argument replaced; return what kind of end it took, and the result."""
    function, good = CALLS[name]
    try:
        with limited(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = function(**{**good, parameter: value})
    except TimeoutError:
        return "endless", None
    except (TypeError, ValueError, NotADirectoryError) as error:
        words = {parameter, *INSIDE.get(parameter, ())}
        return ("clear" if any(word in str(error) for word in words) else "obscure"), error
    except Exception as error:
        return "obscure", error
    return ("NaN" if hidden_nan(result) else "silent"), result


def hidden_nan(result: Any) -> bool:
    """Whether a result holds a number that is none."""
    if isinstance(result, Mapping):
        return any(map(hidden_nan, result.values()))
    if isinstance(result, Tensor):
        result = result.detach().numpy()
    numbers = isinstance(result, float) or (
        isinstance(result, np.ndarray) and result.dtype.kind == "f"
    )
    return bool(numbers and np.isnan(result).any())


def equal(a: Any, b: Any) -> bool:  # noqa: PLR0911  # one kind a line
    """Whether two results hold the same numbers."""
    if isinstance(a, Tensor | np.ndarray):
        first, second = (np.asarray(z.detach() if isinstance(z, Tensor) else z) for z in (a, b))
        return np.array_equal(first, second, equal_nan=first.dtype.kind == "f")
    if isinstance(a, pd.DataFrame):
        return a.equals(b)
    if isinstance(a, nn.Module):
        return equal(a.state_dict(), b.state_dict())
    if isinstance(a, Mapping):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(equal, a, b))
    if is_dataclass(a):
        return all(equal(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    return type(a) is not type(b) or a == b or type(a).__eq__ is object.__eq__ or callable(a)


def optional(name: str, parameter: str) -> bool:
    """Whether None means something for a parameter."""
    function = CALLS[name][0]
    found = inspect.signature(function).parameters.get(parameter)
    if found is None:
        return True  # behind **options of a call of ours
    return found.default is None or type(None) in get_args(found.annotation)


def ends(name: str) -> Iterator[tuple[str, str]]:
    """Yield how each call with one wrong or converted argument ends, and what it was."""
    function, good = CALLS[name]
    expected = function(**good)
    for parameter, value in good.items():
        for wrong in wrong_values(parameter, value):
            if wrong is None and optional(name, parameter):
                continue
            kind, told = outcome(name, parameter, wrong)
            meant = kind == "silent" and f"{name}.{parameter}" in MEANT
            yield "meant" if meant else kind, f"{name}({parameter}={wrong!r:.60}): {told!r:.150}"
        for converted in same_values(value):
            kind, told = outcome(name, parameter, converted)
            same = kind in ("silent", "NaN") and equal(expected, told)
            what = f"{name}({parameter} as {type(converted).__name__}): {told!r:.150}"
            yield "converted" if same else kind.replace("clear", "refused"), what


def faults(name: str) -> list[str]:
    """Return the calls that end otherwise than they should."""
    allowed = ("clear", "converted", "meant")
    return [f"{kind}: {what}" for kind, what in ends(name) if kind not in allowed]


def exported() -> set[str]:
    """Return the names of all functions and classes that users call, but for those spared."""
    names = set()
    for info in pkgutil.iter_modules(ibcore.__path__):
        if info.name.startswith("_") or info.name == "door":  # what the table goes through
            continue
        module = importlib.import_module(f"ibcore.{info.name}")
        own = [name for name, each in vars(module).items() if _defined_in(each, module)]
        for name in getattr(module, "__all__", own):
            value = getattr(module, name)
            if callable(value) and get_origin(value) is None and not name.startswith("_"):
                names.add(f"{info.name}.{name}")
    return names


def _defined_in(each: Any, module: ModuleType) -> bool:
    return getattr(each, "__module__", "") == module.__name__ and hasattr(each, "__name__")


def test_every_exported_function_has_a_call_or_a_reason():
    spared = {name for names in SPARED.values() for name in names}
    without = exported() - CALLS.keys() - spared
    assert not without, sorted(without)
    assert not (gone := spared - exported()), sorted(gone)
    assert not (both := spared & CALLS.keys()), sorted(both)


@pytest.mark.parametrize("package", sorted({name.partition(".")[0] for name in CALLS}))
def test_a_wrong_argument_is_named_and_a_convertible_one_converted(package):
    found = [fault for name in CALLS if name.startswith(f"{package}.") for fault in faults(name)]
    assert not found, f"{len(found)} calls:\n" + "\n".join(found)


KINDS = ("clear", "converted", "meant", "refused", "obscure", "silent", "NaN", "endless")

if __name__ == "__main__":  # the table: how many calls end in which way
    table: dict[str, Counter[str]] = {}
    for called in CALLS:
        for end, text in ends(called):
            table.setdefault(called.partition(".")[0], Counter())[end] += 1
            if end in KINDS[3:]:
                print(f"{end}: {text}")
    print(pd.DataFrame(table).T.reindex(columns=KINDS).fillna(0).astype(int).to_string())
