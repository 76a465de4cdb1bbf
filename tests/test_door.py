"""The door of every exported function: a wrong argument is named, another kind converted."""

import importlib
import inspect
import signal
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_origin

import numpy as np
import pandas as pd
import pytest
import torch
from door_calls import CALLS
from torch import Tensor, nn

PACKAGES = ("nets", "tasks", "training", "redshift", "metainit", "guidance", "memory", "plots")
RESULTS = {  # what functions return, and what only groups what was checked before
    *("Moments", "ColoredDigits", "Digits", "Episodes", "Glyphs", "Modular", "Moduli"),
    *("SparseRegression", "Trained", "TrainingRun", "Guesses", "LearnedActivation", "Fitted"),
    *("Inner", "Posterior", "Reduction", "Start", "Batch", "Guided", "Weights", "Examples"),
    *("Problem", "SweepResult", "Shown", "Guide", "PixelGuide", "Taps", "Interval"),
    # what takes nothing but such results, or writes and reads files
    *("in_mode", "sweep_table", "caption", "show", "read_omniglot", "stack_problems"),
}
INSIDE = {  # what a call of ours takes apart
    **dict.fromkeys(("support_x", "support_y", "a", "b"), ("support",)),
    **dict.fromkeys(("query_x", "query_y", "c", "d"), ("query",)),
    **dict.fromkeys(("x", "y"), ("train", "xs", "ys")),
}
MEANT = {  # one number for each member or task, the index of any member, any modulus
    *("training.OptimizerConfig.learning_rate", "training.OptimizerConfig.weight_decay"),
    *("training.OptimizerConfig.momentum", "training.OptimizerConfig.sam_radius"),
    *("training.OptimizerConfig.decay_steps", "tasks.table_episodes.support"),
    *("population.member_seed.member", "tasks.modular_addition.modulus"),
    *("tasks.modular_labels.modulus", "memory.noise_clock.batch_size"),
    *("memory.Pipeline.decay_steps", "memory.Pipeline.name", "memory.explicit_clock.momentum"),
    *("memory.explicit_clock.learning_rate", "memory.explicit_clock.weight_decay"),
    *("memory.noise_clock.learning_rate", "memory.noise_clock.squared_gradient"),
}
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


def wrong_values(name: str, good: Any) -> tuple[Any, ...]:  # noqa: PLR0911  # one kind a line
    """Return what no parameter of this kind can take, judged by its name and a good value."""
    if name in ("seed", "split") and type(good) is int:
        return WRONG_SEED
    if name == "device":
        return WRONG_DEVICE
    kinds = {bool: WRONG_FLAG, int: WRONG_INT, float: WRONG_FLOAT, torch.dtype: WRONG_DTYPE}
    if type(good) in kinds:
        return kinds[type(good)]
    if isinstance(good, str):
        return WRONG_CHOICE
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
    if isinstance(good, nn.Module) or is_dataclass(good) or isinstance(good, Mapping):
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
    except (TypeError, ValueError) as error:
        words = {parameter, *INSIDE.get(parameter, ())}
        return ("clear" if any(word in str(error) for word in words) else "obscure"), error
    except Exception as error:
        return "obscure", error
    return "silent", result


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


def faults(name: str) -> list[str]:
    """Return the calls with one wrong or converted argument that end otherwise than they should."""
    function, good = CALLS[name]
    expected, found = function(**good), []
    for parameter, value in good.items():
        for wrong in wrong_values(parameter, value):
            if wrong is None and optional(name, parameter):
                continue
            kind, told = outcome(name, parameter, wrong)
            if kind != "clear" and not (kind == "silent" and f"{name}.{parameter}" in MEANT):
                found.append(f"{name}({parameter}={wrong!r}): {kind}, {told!r:.150}")
        for converted in same_values(value):
            kind, told = outcome(name, parameter, converted)
            if kind != "silent" or not equal(expected, told):
                what = type(converted).__name__
                found.append(f"{name}({parameter} as {what}): {kind}, {told!r:.150}")
    return found


def exported() -> set[str]:
    """Return the names of all functions and classes that users call."""
    names = set()
    for package in PACKAGES:
        module = importlib.import_module(f"ibcore.{package}")
        for each in module.__all__:
            value = getattr(module, each)
            if callable(value) and get_origin(value) is None and each not in RESULTS:
                names.add(f"{package}.{each}")
    return names


def test_every_exported_function_has_a_call():
    without = exported() - CALLS.keys()
    assert not without, sorted(without)


@pytest.mark.parametrize("package", sorted({name.partition(".")[0] for name in CALLS}))
def test_a_wrong_argument_is_named_and_a_convertible_one_converted(package):
    found = [fault for name in CALLS if name.startswith(f"{package}.") for fault in faults(name)]
    assert not found, f"{len(found)} calls:\n" + "\n".join(found)


if __name__ == "__main__":  # the table: how many calls end in which way
    for fault in (fault for name in CALLS for fault in faults(name)):
        print(fault)
