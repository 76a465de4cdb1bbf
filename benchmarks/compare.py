"""Time variants of the same computation against each other, after checking that they agree."""

import gc
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd
import torch
from torch import Tensor

from benchmarks.shares import reason

Size = Literal["tiny", "full"]
Work = Callable[[], Tensor]

OURS = "ibcore"
LEAST_SECONDS = 0.05  # of each variant in a round; faster ones are repeated


@dataclass(frozen=True, eq=False)
class Cause:
    """Why a peer is ahead: a computation of ours without one thing, which closes the gap.

    Attributes
    ----------
    text
        What is left out.
    without
        The computation without it, of the same numbers.
    """

    text: str
    without: Work


@dataclass(frozen=True, eq=False)
class Workload:
    """One computation, done by ibcore and by others.

    Attributes
    ----------
    family, name
        What belongs together, and what is computed.
    variants
        Name to a function that computes the result; ``"ibcore"`` is one of them.
    tolerance
        Largest difference of a result from that of ibcore, relative to its largest entry.
    targets
        By variant, the least ratio of its time to ours that we aim at.
    note
        What a reader should know.
    checked
        The same variants in float64, to be compared in place of those that are timed: in float32
        one rounding error can move a maximum to another pixel.
    symbols
        How many are read, where no operation of torch is at work.
    causes
        By variant, the cause to be tried where ibcore is behind it.
    """

    family: str
    name: str
    variants: Mapping[str, Work]
    tolerance: float
    targets: Mapping[str, float]
    note: str = ""
    checked: Mapping[str, Work] | None = None
    symbols: int | None = None
    causes: Mapping[str, Cause] = field(default_factory=dict)


class RefutedCauseError(RuntimeError):
    """Without what is named as the cause, ibcore is still behind."""


class DisagreementError(RuntimeError):
    """Two variants give different results, so that their times say nothing."""


def relative_error(found: Tensor, wanted: Tensor) -> float:
    """Return the largest difference relative to the largest entry wanted; nan counts as inf."""
    if found.shape != wanted.shape:
        return float("inf")
    scale = wanted.double().abs().max()
    error = ((found.double() - wanted.double()).abs().max() / scale).item()
    return float("inf") if math.isnan(error) else error


def check(work: Workload) -> dict[str, float]:
    """Return the error of each variant against ibcore.

    Raises
    ------
    DisagreementError
        If one is above the tolerance; the message names the workload and the variant.
    """
    variants = work.checked or work.variants
    wanted = variants[OURS]()
    errors = {name: relative_error(run(), wanted) for name, run in variants.items() if name != OURS}
    for name, error in errors.items():
        if not error <= work.tolerance:
            raise DisagreementError(
                f"{work.family}, {work.name}: {name} differs from {OURS} by {error:.1e} of the "
                f"largest entry, and {work.tolerance:.0e} is allowed"
            )
    return errors


def cpu_seconds(work: Callable[[], object], repeats: int = 1) -> float:
    """Return CPU seconds of all threads, for one of some repeats."""
    start = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - start) / repeats


def measure(work: Workload, *, rounds: int, profiled: bool = True) -> list[dict[str, object]]:
    """Check a workload, alternate its variants for some rounds, and return a row for each peer.

    ``ratio`` is the median over rounds of a peer's CPU time divided by ours in the same round,
    ``low`` and ``high`` the extremes; every round begins with another variant.  A row that misses
    its target, or whose peer is ahead, gets a profile of both and the cause.
    """
    errors = check(work)
    names = list(work.variants)
    repeats = {
        name: max(1, round(LEAST_SECONDS / max(cpu_seconds(run), 1e-6)))
        for name, run in work.variants.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        gc.collect()
        first = turn % len(names)
        for name in [*names[first:], *names[:first]]:
            seconds[name].append(cpu_seconds(work.variants[name], repeats[name]))
    peers = [name for name in names if name != OURS]
    return [_row(work, name, errors[name], seconds, profiled) for name in peers]


def _row(
    work: Workload, name: str, error: float, seconds: Mapping[str, Sequence[float]], profiled: bool
) -> dict[str, object]:
    ratios = sorted(a / b for a, b in zip(seconds[name], seconds[OURS], strict=True))
    target = work.targets.get(name, float("nan"))
    ratio = statistics.median(ratios)
    behind = ratio < target or ratio < 1
    return {
        "family": work.family,
        "workload": work.name,
        "peer": name,
        "ratio": ratio,
        "low": ratios[0],
        "high": ratios[-1],
        "rounds": len(ratios),
        "error": error,
        "tolerance": work.tolerance,
        "target": target,
        "note": work.note,
        "profile": _profile(work, name, seconds) if behind and profiled else "",
        "reason": _reason(work, name, 1.0 if math.isnan(target) else min(1.0, target))
        if behind and profiled
        else "",
    }


CLOSED = 0.85  # of the way to the aim, or to a tie where there is none, is as far as a busy machine
UNKNOWN = "cause unknown"


def _reason(work: Workload, name: str, wanted: float) -> str:
    """Say what the ablation shows that is named as the cause, if one is."""
    if name not in work.causes:
        return UNKNOWN
    cause, peer = work.causes[name], work.variants[name]
    error = relative_error(cause.without(), work.variants[OURS]())
    if not error <= work.tolerance:
        raise DisagreementError(f"{work.name}: without {cause.text} it differs by {error:.1e}")
    ratio = statistics.median(
        cpu_seconds(peer, 5) / cpu_seconds(cause.without, 5) for _ in range(5)
    )
    if ratio < CLOSED * wanted:
        raise RefutedCauseError(
            f"{work.family}, {work.name}: {name} is ahead, and the cause is said to be "
            f"{cause.text}; without it the ratio is {ratio:.2f} and not {wanted:.2f}"
        )
    return f"{cause.text}: without it the ratio would be {ratio:.2f}"


def _profile(work: Workload, name: str, seconds: Mapping[str, Sequence[float]]) -> str:
    """Say where the time of both goes; where torch is not at work, what a symbol costs."""
    if work.symbols is None:
        return reason(work.variants[OURS], work.variants[name], name)
    each = [1e9 * min(seconds[variant]) / work.symbols for variant in (OURS, name)]
    return f"ibcore takes {each[0]:.0f} ns for each symbol, {name} {each[1]:.0f} ns"


def table(works: Sequence[Workload], *, rounds: int, profiled: bool = True) -> pd.DataFrame:
    """Measure workloads one after the other, on one thread; the global random state is kept."""
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, got {rounds}")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):  # some peers draw from it
            rows = [row for w in works for row in measure(w, rounds=rounds, profiled=profiled)]
    finally:
        torch.set_num_threads(threads)
    return pd.DataFrame(rows)


def flat(values: Mapping[str, Tensor] | Sequence[Tensor]) -> Tensor:
    """Return all numbers of some tensors in one, detached."""
    parts = values.values() if isinstance(values, Mapping) else values
    return torch.cat([part.detach().double().flatten() for part in parts])
