"""The door: where arguments are checked and converted, once.

`door` above an exported function takes each parameter through the ``as_...`` function that belongs
to its annotation.  What comes through is of one kind for all callers: a Python number, a tensor of
finite values, a tuple of names.  What does not is refused by an error that names the parameter, the
value and the remedy.  Inside the house nothing is checked again.
"""

import functools
import inspect
import math
import os
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast, overload

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from ibcore.runtime import as_kind, as_path, as_seed, of_wrong_kind, resolve_device, whole_number

_F = TypeVar("_F", bound=Callable[..., Any])
_Convert = Callable[[Any, str], Any]

_LARGEST = 2**31 - 1  # of a count: more networks, points or steps would not end
_FLOATS = (torch.float32, torch.float64)


@dataclass(frozen=True)
class Range:
    """The bounds of a number, or of each number of an array; infinite ones are open."""

    low: float = -math.inf
    high: float = math.inf
    above: bool = False  # the low bound itself is not allowed
    below: bool = False  # the high bound itself is not allowed

    def check(self, name: str, lowest: float, highest: float) -> None:
        """Raise ``ValueError`` unless both values lie within."""
        for value in (lowest, highest):
            low = value > self.low if self.above else value >= self.low
            high = value < self.high if self.below else value <= self.high
            if not (low and high):
                raise ValueError(f"{name} must be {self}, got {value:g}")

    def __str__(self) -> str:
        """Say the bounds in words."""
        low = f"above {self.low:g}" if self.above else f"at least {self.low:g}"
        high = f"below {self.high:g}" if self.below else f"at most {self.high:g}"
        bounds = [low] * math.isfinite(self.low) + [high] * math.isfinite(self.high)
        return " and ".join(bounds) or "finite"


def as_integer(value: Any, name: str, bounds: Range | None = None) -> int:
    """Return a whole number: whatever `operator.index` takes, but for a flag.

    Examples
    --------
    >>> as_integer(np.int64(3), "depth")
    3
    >>> as_integer(2.5, "depth")
    Traceback (most recent call last):
    TypeError: depth must be a whole number, got 2.5 (float)
    """
    number = whole_number(value, name)
    if bounds is not None and not bounds.low <= number <= bounds.high:
        raise ValueError(f"{name} must be a whole number {bounds}, got {number}")
    return number


def as_count(value: Any, name: str) -> int:
    """Return a number of things: a whole number from 1 to 2,147,483,647.

    Examples
    --------
    >>> as_count(0, "networks")
    Traceback (most recent call last):
    ValueError: networks must be at least 1, got 0
    """
    return _sized(as_integer(value, name), name, 1)


def as_whole(value: Any, name: str) -> int:
    """Return a whole number from 0 to 2,147,483,647."""
    return _sized(as_integer(value, name), name, 0)


def as_number(value: Any, name: str, bounds: Range | None = None) -> float:
    """Return a finite number as a float: a number of Python or NumPy, or a tensor with one element.

    Examples
    --------
    >>> as_number(np.float32(0.5), "rate")
    0.5
    >>> as_number(float("nan"), "rate")
    Traceback (most recent call last):
    ValueError: rate must be finite, got nan
    """
    if type(value) is not float:
        value = _as_float(value, name)
    if not math.isfinite(value):
        raise ValueError(f"{name} must be {bounds or 'finite'}, got {value}")
    if bounds is not None:
        bounds.check(name, value, value)
    return float(value)


def as_flag(value: Any, name: str) -> bool:
    """Return a flag: True or False, and nothing that is merely true.

    Examples
    --------
    >>> as_flag("no", "gated")
    Traceback (most recent call last):
    TypeError: gated must be True or False, got 'no' (str)
    """
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise of_wrong_kind(value, name, "True or False")


def as_choice(value: Any, name: str, choices: Sequence[Any]) -> Any:
    """Return the one of the choices, strings, numbers or None, that a value is.

    A whole number stands for the same number where the choices are fractions.

    Examples
    --------
    >>> as_choice("mean", "head", ("last", "average"))
    Traceback (most recent call last):
    ValueError: unknown head 'mean'; choose one of 'last', 'average'
    """
    for choice in choices:
        number = int | float | np.number if isinstance(choice, float) else int | np.integer
        same = str if isinstance(choice, str) else number
        if choice is value or (isinstance(value, same) and not _is_flag(value) and choice == value):
            return choice
    raise ValueError(f"unknown {name} {value!r}; choose one of {', '.join(map(repr, choices))}")


def as_float_dtype(value: Any, name: str = "dtype") -> torch.dtype:
    """Return ``torch.float32`` or ``torch.float64``, as a dtype of torch or NumPy or its name.

    Examples
    --------
    >>> as_float_dtype("float64")
    torch.float64
    >>> as_float_dtype(torch.int64)
    Traceback (most recent call last):
    TypeError: dtype must be torch.float32 or torch.float64, got torch.int64
    """
    if value in _FLOATS:
        return cast(torch.dtype, value)
    try:
        if value is not None and not isinstance(value, torch.dtype):
            return {"float32": torch.float32, "float64": torch.float64}[np.dtype(value).name]
    except (TypeError, KeyError):
        pass
    raise TypeError(f"{name} must be torch.float32 or torch.float64, got {value!r}")


def as_tensor(value: Any, name: str, bounds: Range | None = None) -> Tensor:
    """Return finite numbers as a tensor of floats; one that is already there is not copied.

    Lists and arrays are converted; whole numbers and flags become ``torch.float32``, the type of a
    new network, since a computation in whole numbers would cut off what lies behind the point.

    Examples
    --------
    >>> as_tensor([1, 2], "x")
    tensor([1., 2.])
    >>> as_tensor([0.0, float("inf")], "x")
    Traceback (most recent call last):
    ValueError: x holds a value that is not finite: inf; remove or replace it
    """
    tensor = as_raw(value, name)
    if not tensor.is_floating_point():
        tensor = tensor.to(torch.float32)
    _check_finite(tensor, name, bounds)
    return tensor


def as_raw(value: Any, name: str) -> Tensor:
    """Return real numbers of any type as a tensor, whole numbers and flags as they are."""
    if not isinstance(value, Tensor):
        value = torch.as_tensor(_numbers(value, name).copy())
    if value.is_complex() or value.is_quantized or value.layout != torch.strided:
        raise TypeError(f"{name} must hold real numbers in a plain tensor, got {value.dtype}")
    if value.is_inference() and not torch.is_inference_mode_enabled():
        value = value.clone()
    return cast(Tensor, value)


def as_data(value: Any, name: str) -> Tensor:
    """Return finite inputs or targets of a network: whole numbers, such as tokens, as they are.

    Examples
    --------
    >>> as_data([[1, 2]], "x").dtype, as_data([[True]], "x").dtype
    (torch.int64, torch.float32)
    """
    tensor = as_raw(value, name)
    whole = not tensor.is_floating_point() and tensor.dtype != torch.bool
    return tensor if whole else as_tensor(tensor, name)


def as_module(value: Any, name: str) -> nn.Module:
    """Return a network whose weights exist; those of lazy layers do not before the first call."""
    module: nn.Module = _instance(value, name, nn.Module)
    lazy = [key for key, weights in module.named_parameters() if nn.parameter.is_lazy(weights)]
    if lazy:
        raise ValueError(f"{name} has no weights at {lazy[0]!r} yet; call it once on some data")
    return module


def as_labels(value: Any, name: str) -> Tensor:
    """Return classes as a tensor of whole numbers from 0, all of them checked.

    Examples
    --------
    >>> as_labels([0, 2, 1], "y")
    tensor([0, 2, 1])
    >>> as_labels([0.5, 1.0], "y")
    Traceback (most recent call last):
    TypeError: y must hold classes as whole numbers from 0, got torch.float64; convert them first
    """
    tensor = as_raw(value, name)
    if tensor.is_floating_point() or tensor.dtype == torch.bool:
        raise TypeError(
            f"{name} must hold classes as whole numbers from 0, got {tensor.dtype}; "
            "convert them first"
        )
    if tensor.numel() and _concrete(tensor) and int(tensor.min()) < 0:
        raise ValueError(
            f"{name} must hold classes as whole numbers from 0, got {int(tensor.min())}"
        )
    return tensor.long()


def as_array(value: Any, name: str, bounds: Range | None = None) -> NDArray[np.float64]:
    """Return finite numbers as a NumPy array of float64, from a list, an array or a tensor.

    Examples
    --------
    >>> as_array(torch.tensor([0.5, 2.0]), "accuracy", Range(0, 1))
    Traceback (most recent call last):
    ValueError: accuracy must be at least 0 and at most 1, got 2
    """
    array = _numbers(value, name).astype(np.float64)
    wrong = array[~np.isfinite(array)]
    if wrong.size:
        raise ValueError(
            f"{name} holds a value that is not finite: {wrong[0]:g}; remove or replace it"
        )
    if bounds is not None and array.size:
        bounds.check(name, float(array.min()), float(array.max()))
    return array


def as_names(value: Any, name: str) -> tuple[str, ...]:
    """Return a sequence of strings as a tuple; one string is not a sequence of its letters.

    Examples
    --------
    >>> as_names("weight", "names")
    Traceback (most recent call last):
    TypeError: names must be a sequence of names, got the string 'weight'; write ['weight']
    """
    if isinstance(value, str):
        raise TypeError(
            f"{name} must be a sequence of names, got the string {value!r}; write [{value!r}]"
        )
    return _each(value, name, lambda each, label: _instance(each, label, str))


def check_memory(name: str, value: int, size: float, *, remedy: str = "choose fewer") -> None:
    """Raise ``ValueError`` if ``size`` bytes are more than this machine's memory.

    Examples
    --------
    >>> check_memory("grid", 10**6, 8e12)
    Traceback (most recent call last):
    ValueError: grid=1000000 needs about 8000 GB, more than this machine's memory; choose fewer
    """
    if size > _memory():
        raise ValueError(
            f"{name}={value} needs about {size / 1e9:.0f} GB, more than this machine's memory; "
            f"{remedy}"
        )


# What the annotations of exported functions say.

Count = Annotated[int, as_count]
Whole = Annotated[int, as_whole]
Seed = Annotated[int, as_seed]
Positive = Annotated[float, Range(0, above=True)]
NonNegative = Annotated[float, Range(0)]
Share = Annotated[float, Range(0, 1)]
Level = Annotated[float, Range(0, 1, above=True, below=True)]
Labels = Annotated[Tensor, as_labels]
Raw = Annotated[Tensor, as_raw]
Data = Annotated[Tensor, as_data]
Shares = Annotated[ArrayLike, Range(0, 1)]
"""Annotations of parameters: a number of things from 1 (``Count``) or from 0 (``Whole``), a seed,
a finite number above 0, from 0, from 0 to 1 or between them, classes, numbers of any type, and
what a network takes in."""

_SIMPLE: dict[Any, _Convert] = {
    int: as_integer,
    float: as_number,
    bool: as_flag,
    Tensor: as_tensor,
    nn.Module: as_module,
    ArrayLike: as_array,
    Path: as_path,
    torch.device: lambda value, name: resolve_device(value),
    torch.dtype: as_float_dtype,
}
_WORDS = {str: "string", nn.Module: "module of torch.nn"}


@contextmanager
def plain_torch(*, gradients: bool = False) -> Iterator[None]:
    """Compute under torch's own settings, whatever the caller has set.

    The default dtype is float32, the default device the CPU, and automatic mixed precision is off;
    with ``gradients`` these are recorded although a caller has switched them off.  What a
    transform of torch.func around the call does not allow is one ``ValueError`` that says so.

    Examples
    --------
    >>> with torch.no_grad(), plain_torch(gradients=True):
    ...     torch.is_grad_enabled()
    True
    """
    with ExitStack() as stack:
        if torch.get_default_dtype() != torch.float32:
            stack.callback(torch.set_default_dtype, torch.get_default_dtype())
            torch.set_default_dtype(torch.float32)
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        for kind in ("cpu", "cuda"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        if gradients and torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(mode=False))
        if gradients and not torch.is_grad_enabled():
            stack.enter_context(torch.enable_grad())
        try:
            yield
        except RuntimeError as error:
            if not _is_transformed():
                raise
            raise ValueError(
                "this cannot be computed inside a transform of torch.func, such as vmap, grad or "
                f"jvp; call it outside, for one after another: {error}"
            ) from error


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Say what a network or a loss of the caller does not take, before the words of torch.

    Examples
    --------
    >>> with explained("the network does not take x"):
    ...     torch.zeros(2) @ torch.zeros(3)
    Traceback (most recent call last):
    ...
    ValueError: the network does not take x: inconsistent tensor size, expected tensor [2] ...
    """
    try:
        yield
    except (RuntimeError, TypeError, IndexError) as error:
        if isinstance(error, torch.OutOfMemoryError) or _is_transformed():
            raise
        raise ValueError(f"{what}: {error}") from error


def taking(module: nn.Module, x: Tensor) -> AbstractContextManager[None]:
    """Return a context that says what does not go through a network of the caller: x, (n, *in).

    Examples
    --------
    >>> with taking(net := nn.Linear(3, 1), x := torch.zeros(5, 2)):
    ...     net(x)
    Traceback (most recent call last):
    ...
    ValueError: x of shape (5, 2) and torch.float32 does not go through Linear: mat1 and mat2 ...
    """
    kind = f"x of shape {tuple(x.shape)} and {x.dtype}"
    return explained(f"{kind} does not go through {type(module).__name__}")


@overload
def door(called: _F) -> _F: ...
@overload
def door(*, gradients: bool) -> Callable[[_F], _F]: ...
def door(called: Any = None, *, gradients: bool = False) -> Any:
    """Check and convert arguments by their annotations as they come in, of a function or a class.

    A default passes as it is, and so does an argument whose annotation names no kind.  Above a
    class it guards what the class is made from: its fields, or the arguments of ``__init__``.

    Parameters
    ----------
    called
        A function, a method or a class that users call.
    gradients
        Whether it trains, and so records gradients although a caller has switched them off.

    Examples
    --------
    >>> @door
    ... def repeat(x: Tensor, times: Count = 2) -> Tensor:
    ...     return x.repeat(times)
    >>> repeat(np.array([0.5]), times=np.int64(3))
    tensor([0.5000, 0.5000, 0.5000], dtype=torch.float64)
    >>> repeat([1.0], times=True)
    Traceback (most recent call last):
    TypeError: times must be a whole number, got True (bool)
    """
    if called is None:
        return functools.partial(door, gradients=gradients)
    if not isinstance(called, type):
        return _guard(called, called, gradients)
    init: Any = vars(called)["__init__"]
    fields = is_dataclass(called) and init.__qualname__.startswith("__create_fn__")
    called.__init__ = _guard(init, called if fields else init, gradients)  # type: ignore[misc]
    return called


def _guard(function: Callable[..., Any], annotated: Any, gradients: bool) -> Any:
    """Return the function behind its door; ``annotated`` is what holds the annotations."""
    names = list(inspect.signature(function).parameters)

    @functools.cache
    def converters() -> dict[str, _Convert]:
        hints = typing.get_type_hints(annotated, include_extras=True)
        found = {name: _converter(hints[name]) for name in names if name in hints}
        return {name: convert for name, convert in found.items() if convert is not None}

    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        known = converters()
        with plain_torch(gradients=gradients):
            given = [
                known[name](value, name) if name in known else value
                for name, value in zip(names, args, strict=False)
            ]
            named = {
                name: known[name](value, name) if name in known else value
                for name, value in kwargs.items()
            }
            return function(*given, *args[len(given) :], **named)

    _describe(guarded, function)
    return guarded


def _describe(guarded: Any, function: Callable[..., Any]) -> None:
    """Give a function behind its door the signature that help and documentation show."""
    plain = {name: _plain(hint) for name, hint in function.__annotations__.items()}
    signature = inspect.signature(function)
    parameters = [
        each.replace(annotation=plain.get(each.name, each.annotation))
        for each in signature.parameters.values()
    ]
    guarded.__annotations__ = plain
    guarded.__signature__ = signature.replace(parameters=parameters)


def _plain(hint: Any) -> Any:
    """Return an annotation without what the door reads in it: ``int`` for `Count`."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _plain(parts[0])
    if origin in (typing.Union, types.UnionType):
        return typing.Union[tuple(map(_plain, parts))]  # noqa: UP007
    if origin in (tuple, dict, Sequence, Mapping):
        return origin[tuple(map(_plain, parts))]
    return hint


def _converter(hint: Any) -> _Convert | None:
    """Return what brings a value to the kind that an annotation names; None where it names none."""
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    make = _BY_ORIGIN.get(typing.get_origin(hint))
    return make(typing.get_args(hint)) if make else _by_class(typing.get_origin(hint) or hint)


def _annotated(parts: Sequence[Any]) -> _Convert | None:
    hint, note = parts
    if not isinstance(note, Range):
        return cast(_Convert, note)
    to: Any = {int: as_integer, float: as_number, Tensor: as_tensor}.get(hint, as_array)
    return lambda value, name: to(value, name, note)


def _literal(parts: Sequence[Any]) -> _Convert:
    return lambda value, name: as_choice(value, name, parts)


def _union(parts: Sequence[Any]) -> _Convert | None:
    """Try the kinds in order: a wrong kind leads to the next, a wrong value is an error at once."""
    if torch.device in parts:
        parts = [part for part in parts if part is not str]
    kinds = [_converter(part) for part in parts if part is not types.NoneType]
    if None in kinds:
        return None
    optional, tensors = types.NoneType in parts, Tensor in parts

    def convert(value: Any, name: str) -> Any:
        if optional and value is None:
            return None
        if tensors and isinstance(value, Tensor):  # a number would lose its gradient
            return as_tensor(value, name)
        wrong = []
        for kind in cast(list[_Convert], kinds):
            try:
                return kind(value, name)
            except TypeError as error:
                wrong.append(str(error))
        raise _of_no_kind(value, name, wrong, optional)

    return convert


def _of_no_kind(value: Any, name: str, wrong: Sequence[str], optional: bool) -> TypeError:
    """Return the error of a value that no kind of a union has taken."""
    inside = [text for text in wrong if text.startswith(f"{name}[") or " must be " not in text]
    if inside:
        return TypeError(inside[0])
    words = dict.fromkeys(text.partition(" must be ")[2].rpartition(", got")[0] for text in wrong)
    return of_wrong_kind(value, name, " or ".join(words) + " or None" * optional)


def _tuple(parts: Sequence[Any]) -> _Convert:
    """Return the conversion of a sequence of any length, or of one value of each kind."""
    if Ellipsis in parts:
        return _sequence(parts)
    kinds = [_converter(part) or _same for part in parts]

    def convert(value: Any, name: str) -> Any:
        values = _each(value, name, _same)
        if len(values) != len(kinds):
            raise ValueError(f"{name} must have {len(kinds)} elements, got {len(values)}")
        pairs = zip(kinds, values, strict=True)
        return tuple(kind(each, f"{name}[{at}]") for at, (kind, each) in enumerate(pairs))

    return convert


def _sequence(parts: Sequence[Any]) -> _Convert:
    kind = _converter(parts[0]) or _same
    return as_names if parts[0] is str else lambda value, name: _each(value, name, kind)


def _mapping(parts: Sequence[Any]) -> _Convert:
    kind = _converter(parts[1]) or _same

    def convert(value: Any, name: str) -> Any:
        if not isinstance(value, Mapping):
            raise of_wrong_kind(value, name, "a mapping")
        return {key: kind(each, f"{name}[{key!r}]") for key, each in value.items()}

    return convert


def _function(parts: Sequence[Any]) -> _Convert:
    def convert(value: Any, name: str) -> Any:
        if not callable(value):
            raise of_wrong_kind(value, name, "a function")
        return value

    return convert


_BY_ORIGIN: dict[Any, Callable[[Sequence[Any]], _Convert | None]] = {
    Annotated: _annotated,
    typing.Union: _union,
    types.UnionType: _union,
    Literal: _literal,
    tuple: _tuple,
    list: _sequence,
    Sequence: _sequence,
    dict: _mapping,
    Mapping: _mapping,
    Callable: _function,
}


def _by_class(hint: Any) -> _Convert | None:
    """Return a check that a value is an object of a class; None for a protocol or `typing.Any`."""
    if not isinstance(hint, type) or hint in (object, Any) or _is_shape(hint):
        return None
    return lambda value, name: _instance(value, name, hint)


def _is_shape(hint: type) -> bool:
    """Whether a class is a protocol whose objects cannot be told."""
    return getattr(hint, "_is_protocol", False) and not getattr(hint, "_is_runtime_protocol", False)


def _same(value: Any, name: str) -> Any:
    return value


def _instance(value: Any, name: str, kind: type) -> Any:
    article = "an" if kind.__name__[0] in "AEIOU" else "a"
    return as_kind(value, name, kind, f"{article} {_WORDS.get(kind, kind.__name__)}")


def _each(value: Any, name: str, convert: _Convert) -> tuple[Any, ...]:
    """Return a sequence as a tuple of converted values; rows of arrays and tensors are values."""
    if isinstance(value, np.ndarray | Tensor) and value.ndim == 1:
        value = value.tolist()
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise of_wrong_kind(value, name, "a sequence")
    return tuple(convert(each, f"{name}[{at}]") for at, each in enumerate(value))


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool | np.bool_) or getattr(value, "dtype", None) == torch.bool


def _sized(number: int, name: str, least: int) -> int:
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}")
    if number > _LARGEST:
        raise ValueError(f"{name} must be at most {_LARGEST}, got {number}: it would not end")
    return number


def _as_float(value: Any, name: str) -> float:
    size = getattr(value, "size", 1)
    single = (size() if callable(size) else size) in (1, (), (1,))
    if _is_flag(value) or isinstance(value, str | bytes) or not single or np.iscomplexobj(value):
        raise of_wrong_kind(value, name, "a number")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        raise of_wrong_kind(value, name, "a number") from None


def _numbers(value: Any, name: str) -> NDArray[Any]:
    """Return real numbers as an array, from whatever NumPy takes."""
    try:
        array = value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be an array of numbers, got {error}") from None
    if array.dtype.kind not in "biuf" or isinstance(value, bool | np.bool_):
        raise of_wrong_kind(value, name, "an array of numbers")
    return array


def _check_finite(tensor: Tensor, name: str, bounds: Range | None) -> None:
    """Raise ``ValueError`` unless all values are finite and within the bounds."""
    if not tensor.numel() or not _concrete(tensor):
        return
    values = tensor.detach()
    if not math.isfinite(values.sum().item()):  # one fast pass; it may overflow
        wrong = values[~values.isfinite()]
        if len(wrong):
            raise ValueError(
                f"{name} holds a value that is not finite: {wrong[0].item()}; remove or replace it"
            )
    if bounds is not None:
        bounds.check(name, values.min().item(), values.max().item())


def _is_transformed() -> bool:
    """Whether a caller computes inside a transform of torch.func."""
    return torch._C._functorch.peek_interpreter_stack() is not None


def _concrete(tensor: Tensor) -> bool:
    """Whether values can be looked at: not those of a tensor inside a transform of torch.func."""
    return not torch._C._functorch.is_functorch_wrapped_tensor(tensor) and not tensor.is_meta


def _memory() -> float:
    """Return the bytes of memory of this machine, infinite where it does not tell."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return math.inf


def _keep_freed_memory() -> None:
    """Let the C library keep what it is given back, up to 64 MiB, for the next tensor.

    glibc returns blocks larger than the largest mapped one it has seen freed, 128 KiB at first, to
    the system, and each page of the next tensor then costs a fault: that was half of the time of
    the measures.  One block of the most that it adapts to, never touched, is enough.
    """
    np.empty(2**25 - 2**16, dtype=np.uint8)


_keep_freed_memory()
