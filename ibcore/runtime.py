"""Where and how large: device, seeded generators and the tier of a run."""

from __future__ import annotations  # torch takes a second, which the tiers need not wait for

import operator
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    import torch

Tier = Literal["smoke", "laptop", "paper"]
TIERS: tuple[Tier, ...] = get_args(Tier)


def resolve_device(device: torch.device | str | None = None) -> torch.device:
    """Turn a device argument into a usable ``torch.device``.

    ``None`` means the CPU: a GPU is used only when asked for by name.

    Raises
    ------
    ValueError
        If the name is not a device, or the device does not exist on this machine.

    Examples
    --------
    >>> resolve_device()
    device(type='cpu')
    """
    import torch

    resolved = torch.device(device_name(device))
    if resolved.type == "cuda":
        available = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (resolved.index or 0) >= available:
            raise ValueError(
                f"device {device!r} was asked for but {available} CUDA devices are available; "
                "use device='cpu', or a machine with a GPU and a CUDA build of torch"
            )
    elif resolved.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError(f"device {device!r} is not available on this machine; use device='cpu'")
    return resolved


def device_name(device: torch.device | str | None, name: str = "device") -> str:
    """Return the name of a device of torch, which need not exist on this machine.

    Raises
    ------
    ValueError
        If the name is not a device.

    Examples
    --------
    >>> device_name("cuda:7"), device_name(None)
    ('cuda:7', 'cpu')
    """
    import torch

    try:
        return str(torch.device("cpu" if device is None else device))
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"unknown {name} {device!r}; use 'cpu', 'cuda' or 'cuda:0'") from error


def whole_number(value: Any, name: str, words: str = "a whole number") -> int:
    """Return what `operator.index` takes, but for a flag; ``words`` say what is wanted.

    Examples
    --------
    >>> whole_number(True, "depth")
    Traceback (most recent call last):
    TypeError: depth must be a whole number, got True (bool)
    """
    try:
        if "bool" not in str(getattr(value, "dtype", type(value))):
            return operator.index(value)
    except (TypeError, RuntimeError):
        pass
    raise of_wrong_kind(value, name, words)


def as_seed(value: Any, name: str = "seed") -> int:
    """Return a seed: whatever `operator.index` takes, from 0 to 2**63 - 1, and no flag.

    Raises
    ------
    TypeError
        If it is no whole number; None would draw differently each time.
    ValueError
        If it is negative or needs more than 63 bits.

    Examples
    --------
    >>> import numpy as np
    >>> as_seed(np.arange(3)[1])
    1
    >>> as_seed(None)
    Traceback (most recent call last):
    TypeError: seed must be a whole number from 0 to 2**63 - 1, got None
    """
    number = whole_number(value, name, "a whole number from 0 to 2**63 - 1")
    if not 0 <= number < 2**63:
        raise ValueError(f"{name} must be between 0 and 2**63 - 1, got {number}")
    return number


def generator(seed: int, device: torch.device | str | None = None) -> torch.Generator:
    """Return a fresh generator with this seed; the global random state is never touched.

    Raises
    ------
    ValueError
        If ``seed`` is negative or needs more than 63 bits.

    Examples
    --------
    >>> generator(0).initial_seed()
    0
    """
    import torch

    seed = as_seed(seed)
    return torch.Generator(device=resolve_device(device)).manual_seed(seed)


def check_tier(tier: str) -> Tier:
    """Return ``tier`` if it is one of smoke, laptop and paper, else raise ``ValueError``."""
    for known in TIERS:
        if tier == known:
            return known
    raise ValueError(f"unknown tier {tier!r}; choose one of {', '.join(TIERS)}")


def default_tier() -> Tier:
    """Return the tier named by the environment variable ``IBCORE_TIER``, else ``"laptop"``.

    A CUDA device suggests the paper tier but never selects it: long runs are asked for by name.

    Examples
    --------
    >>> default_tier() in TIERS
    True
    """
    return check_tier(os.environ.get("IBCORE_TIER") or "laptop")


def as_kind(value: Any, name: str, kind: Any, words: str) -> Any:
    """Return a value that is of a kind; ``words`` say which one.

    Raises
    ------
    TypeError
        If it is not.

    Examples
    --------
    >>> as_kind(3, "lab", str, "a string")
    Traceback (most recent call last):
    TypeError: lab must be a string, got 3 (int)
    """
    if not isinstance(value, kind):
        raise of_wrong_kind(value, name, words)
    return value


def of_wrong_kind(value: Any, name: str, words: str) -> TypeError:
    """Return the error of a value of the wrong kind.

    Examples
    --------
    >>> of_wrong_kind("no", "gated", "True or False")
    TypeError("gated must be True or False, got 'no' (str)")
    """
    shown = repr(value)
    short = shown if len(shown) <= 60 else shown[:57] + "..."
    kind = "" if value is None else f" ({type(value).__name__})"
    return TypeError(f"{name} must be {words}, got {short}{kind}")


def as_path(value: Path | str, name: str) -> Path:
    """Return the file or folder that a user named, with ``~`` expanded; it need not exist.

    Raises
    ------
    TypeError, ValueError
        If it is no path, is empty, or begins with ``~`` and a user who is not known.

    Examples
    --------
    >>> as_path("", "path")
    Traceback (most recent call last):
    ValueError: path is empty; name a file or folder, or leave it out
    """
    if not str(as_kind(value, name, (str, os.PathLike), "a path")):
        raise ValueError(f"{name} is empty; name a file or folder, or leave it out")
    try:
        return Path(value).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{name} is {str(value)!r}, a user who is not known") from error


def as_folder(value: Path | str, name: str) -> Path:
    """Return the folder that a user named, with ``~`` expanded; it need not exist.

    Parameters
    ----------
    value
        The folder.
    name
        How the user named it: an argument, an option or an environment variable.

    Raises
    ------
    TypeError, ValueError
        As for `as_path`.
    NotADirectoryError
        If a file is in its place.

    Examples
    --------
    >>> as_folder("~/results", "store") == Path.home() / "results"
    True
    >>> as_folder("", "--store")
    Traceback (most recent call last):
    ValueError: --store is empty; name a file or folder, or leave it out
    """
    folder = as_path(value, name)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{name} names {folder}, which is a file; name a folder")
    return folder


def describe() -> str:
    """Return one line with the default device, tier and versions, for the top of a notebook.

    Examples
    --------
    >>> describe().startswith("ibcore ")
    True
    """
    import torch

    import ibcore

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return (
        f"ibcore {ibcore.__version__} · torch {torch.__version__} · device cpu (GPU: {gpu}) · "
        f"tier {default_tier()}"
    )
