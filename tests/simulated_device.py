"""A second device without hardware: "sim" computes on the CPU but refuses what a GPU refuses.

A tensor on "sim" wraps one on the CPU.  Each operation is intercepted below autograd and vmap:
tensors of two devices in one operation raise, as on a GPU, but for numbers without dimensions,
indices and copies; a generator is refused, since none exists there; and whatever makes a GPU wait
for its result (reading a value, a mask, a copy to the CPU) is counted with its place in ibcore.
Results are those of the CPU, bit for bit, where ibcore takes the same path: see `elsewhere`.
"""

import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

NAME = "sim"
AVAILABLE = hasattr(backend_registration, "_setup_privateuseone_for_python_backend")
WAITS: Counter[str] = Counter()  # what made the device wait, and where

_aten = torch.ops.aten
_COPIES = {
    _aten.copy_.default,
    _aten.copy.default,
    _aten._to_copy.default,
    _aten.set_.source_Tensor,
}
_INDEXING = {
    _aten.index.Tensor,
    _aten.index_put.default,
    _aten.index_put_.default,
    _aten._index_put_impl_.default,
    _aten._unsafe_index.Tensor,
}
_READING = {
    _aten._local_scalar_dense.default,
    _aten.nonzero.default,
    _aten.masked_select.default,
    _aten._unique2.default,
    _aten.unique_dim.default,
    _aten.equal.default,
}
_WHOLE = {torch.int64, torch.int32, torch.uint8, torch.bool}


class SimTensor(torch.Tensor):
    """A tensor on the simulated device: a wrapper around one on the CPU."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> "SimTensor":
        made: SimTensor = torch.Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            layout=inner.layout,
            device=torch.device(NAME, 0),
        )
        made.inner = inner
        return made

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["inner"], None

    @staticmethod
    def __tensor_unflatten__(inner: Any, *_: Any) -> "SimTensor":
        return SimTensor(inner["inner"])

    def __repr__(self) -> str:
        return f"SimTensor({self.inner!r})"

    def tolist(self) -> Any:
        _wait("tolist")
        return self.detach().cpu().tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _dispatch(func, args, kwargs or {})


class _Below(TorchDispatchMode):
    """Catches the operations that make a tensor on the device out of none."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _dispatch(func, args, kwargs or {})


class _Above(TorchFunctionMode):
    """Catches ``torch.tensor(data, device="sim")``, which copies where no dispatch is made."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        options = dict(kwargs or {})
        plain = not (args and isinstance(args[0], Tensor))
        if func in (torch.tensor, torch.as_tensor, torch.asarray) and plain:
            if _is_sim(options.get("device")):
                return func(*args, **{**options, "device": "cpu"}).to(NAME)
        elif func is torch.Tensor.new_tensor and isinstance(args[0], SimTensor):
            dtype = options.pop("dtype", args[0].dtype)
            return torch.tensor(*args[1:], dtype=dtype, **options).to(NAME)
        return func(*args, **options)


def register() -> None:
    """Tell torch of the device, once in a process and before anything is differentiated in it."""
    if hasattr(torch, NAME) or not AVAILABLE:
        return
    backend_registration._setup_privateuseone_for_python_backend(NAME)
    module = getattr(torch, NAME)  # no generator exists there
    module.get_rng_state = lambda *_: torch.empty(0, dtype=torch.uint8)
    module.set_rng_state = lambda *_: None


@contextmanager
def simulated() -> Iterator[str]:
    """Make the device "sim" usable inside, and yield its name; waits are counted from 0."""
    register()
    swap = torch.__future__.get_swap_module_params_on_conversion()
    torch.__future__.set_swap_module_params_on_conversion(True)
    WAITS.clear()
    try:
        with _Below(), _Above():
            yield NAME
    finally:
        torch.__future__.set_swap_module_params_on_conversion(swap)


@contextmanager
def elsewhere() -> Iterator[None]:
    """Let ibcore compute on the CPU as it does elsewhere: in other parts, without tiles or fusion.

    Only these paths round otherwise; without them the CPU and "sim" give the same bits.
    """
    from ibcore.guidance import training
    from ibcore.nets import evaluate
    from ibcore.redshift import sampling
    from ibcore.training import loop

    def whole(*job: Any) -> Tensor:
        return evaluate._forward_chunked(*job, {})

    with (
        patch.object(evaluate, "forward_tiled", whole),
        patch.object(sampling, "evaluate_tiles", whole),
        patch.object(evaluate, "_BYTES", {}),
        patch.object(loop, "_CHUNK_BYTES", {}),
        patch.object(training, "_CAN_FUSE", False),
    ):
        yield


def _is_sim(device: Any) -> bool:
    return device is not None and torch.device(device).type == NAME


def _wait(what: str) -> None:
    """Count a wait with the innermost line of ibcore that caused it."""
    lines = (f for f in reversed(traceback.extract_stack()) if "/ibcore/" in f.filename)
    line = next(lines, None)
    place = f"{line.filename.rpartition('/ibcore/')[2]}:{line.lineno}" if line else "a test"
    WAITS[f"{what} in {place}"] += 1


def _dispatch(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Compute on the CPU, and wrap what lies on the device."""
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    ours = [tensor for tensor in tensors if isinstance(tensor, SimTensor)]
    wanted = kwargs.get("device")
    _refuse_mixed(func, args, tensors)
    _refuse_generator(kwargs.get("generator"), _is_sim(wanted) or (ours and wanted is None))
    if ours:
        _count(func, args, kwargs, tensors)
    unwrapped, options = tree_map(_unwrap, args), tree_map(_unwrap, kwargs)
    result = func(*unwrapped, **options)
    if func is _aten.copy_.default:
        return args[0]
    if _is_sim(wanted) or (ours and wanted is None):
        return return_and_correct_aliasing(func, args, kwargs, tree_map(_wrap, result))
    return result


def _refuse_mixed(func: Any, args: Sequence[Any], tensors: Sequence[Tensor]) -> None:
    """Raise as CUDA does where tensors of two devices meet."""
    ours = [tensor for tensor in tensors if isinstance(tensor, SimTensor)]
    others = [t for t in tensors if not isinstance(t, SimTensor) and t.ndim > 0]
    if not (ours and others) or func in _COPIES:
        return
    whole = all(other.dtype in _WHOLE for other in others)
    if whole and func in _INDEXING and isinstance(args[0], SimTensor):
        _wait("index on the cpu")
        return
    raise RuntimeError(
        f"Expected all tensors to be on the same device, but found at least two devices, {NAME}:0 "
        f"and cpu! ({func})"
    )


def _refuse_generator(generator: torch.Generator | None, here: Any) -> None:
    if generator is not None and here:
        raise RuntimeError(f"Expected a {NAME!r} device type for generator but found 'cpu'")


def _count(
    func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], tensors: Sequence[Tensor]
) -> None:
    """Count what would make the device wait."""
    if func in _READING:
        _wait(str(func))
    masks = func is _aten.index.Tensor and any(t.dtype == torch.bool for t in tensors[1:])
    if masks:
        _wait("mask")
    wanted = kwargs.get("device")
    away = func is _aten._to_copy.default and wanted is not None and not _is_sim(wanted)
    if away or (func is _aten.copy_.default and not isinstance(args[0], SimTensor)):
        _wait("copy to the cpu")


def _unwrap(value: Any) -> Any:
    if isinstance(value, SimTensor):
        return value.inner
    return torch.device("cpu") if isinstance(value, torch.device) and _is_sim(value) else value


def _wrap(value: Any) -> Any:
    plain = isinstance(value, Tensor) and not isinstance(value, SimTensor)
    return SimTensor(value) if plain else value
