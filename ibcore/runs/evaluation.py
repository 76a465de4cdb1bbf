"""Evaluate one claim on one frame, with a paired bootstrap interval."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ibcore.runs.claim import Claim, LedgerError
from ibcore.runs.sample import Draws, MeasureError, Sample
from ibcore.runtime import Tier

if TYPE_CHECKING:
    import pandas as pd

Number = float | tuple[float, ...]

_DRAWS = 1000
_ENTRIES = 4_000_000  # weights held in memory at once


@dataclass(frozen=True)
class ClaimResult:
    """What a claim's measure gives on a stored result.

    Attributes
    ----------
    claim
        The claim.
    value
        The measure; a tuple for a claim of order.
    low, high
        95 % percentile bootstrap interval, per entry for a tuple.
    n
        Number of distinct replicates behind the value.
    rows, nonfinite
        Rows that entered, and how many of them held no finite value and were left out.
    undefined
        Bootstrap draws, of 1000, in which the measure had no value; they are left out.
    seeds, tier, date, device
        Where the stored result comes from; None for a frame without provenance.
    passed
        Whether the value is as expected.
    """

    claim: Claim
    value: Number
    low: Number
    high: Number
    n: int
    rows: int
    nonfinite: int
    undefined: int
    seeds: tuple[int, ...]
    tier: Tier | None
    date: str | None
    device: str | None
    passed: bool


def evaluate(claim: Claim, frame: "pd.DataFrame") -> ClaimResult:
    """Evaluate a claim on a frame.

    The replicates behind the value are drawn 1000 times with replacement; a replicate carries
    all its rows with it, so that measures over several cells stay paired.

    Raises
    ------
    LedgerError
        If the measure does not fit the frame, or has no finite value there; the message names
        the claim.

    Examples
    --------
    >>> import pandas as pd
    >>> from ibcore.runs.ledger import parse_claim
    >>> claim = parse_claim({
    ...     "id": "toy.mean", "statement": "It is {value}.", "lab": "toy",
    ...     "experiment": "toy.squares", "measure": "mean('x')", "expect": {"above": 1},
    ...     "tier": "smoke", "paper": None, "verdict": "beyond the paper", "note": "An example.",
    ... })
    >>> result = evaluate(claim, pd.DataFrame({"network": [0, 1, 2], "x": [1.0, 2.0, 3.0]}))
    >>> result.value, result.n, result.passed
    (2.0, 3, True)
    """
    if claim.measure is None:
        raise LedgerError(f"claim {claim.id!r} was not attempted, so it has no value")
    try:
        sample = Sample(frame, claim.resample)
        point = _columns(claim.measure(sample))[0]
        if not np.isfinite(point).all():
            raise MeasureError(f"the measure {claim.measure.text!r} gives {_number(point)}")
        draws = np.concatenate([_columns(claim.measure(s)) for s in _resampled(sample)])
        low, high, undefined = _interval(draws)
    except MeasureError as error:
        raise LedgerError(f"claim {claim.id!r}: {error}") from error
    origin: Mapping[str, Any] = frame.attrs.get("provenance", {})
    shape = _number if claim.measure.length is None else tuple
    value = shape(point.tolist())
    return ClaimResult(
        claim=claim,
        value=value,
        low=shape(low.tolist()),
        high=shape(high.tolist()),
        n=len(sample.used_replicates()),
        rows=int(sample.used.sum()),
        nonfinite=int(sample.nonfinite.sum()),
        undefined=undefined,
        seeds=tuple(origin.get("seeds", ())),
        tier=origin.get("tier"),
        date=origin.get("date"),
        device=origin.get("device_name"),
        passed=claim.expected().holds(value),
    )


def show(claim: Claim, number: Number) -> str:
    """Print a value in the claim's format; entries of a tuple are separated by commas."""
    if isinstance(number, tuple):
        return ", ".join(show(claim, entry) for entry in number)
    text = claim.format.format(number)
    return text.replace("-", "", 1) if text == claim.format.format(-0.0) else text


def show_interval(result: ClaimResult) -> str:
    """Print the interval as ``"1.28 to 1.37"``; for a tuple one interval per entry."""
    lows = result.low if isinstance(result.low, tuple) else (result.low,)
    highs = result.high if isinstance(result.high, tuple) else (result.high,)
    pairs = zip(lows, highs, strict=True)
    return ", ".join(f"{show(result.claim, a)} to {show(result.claim, b)}" for a, b in pairs)


def _resampled(sample: Sample) -> Iterator[Sample]:
    """Yield the sample with the weights of its bootstrap draws, a chunk at a time."""
    used = sample.used_replicates()
    rng = np.random.default_rng(0)
    chunk = max(1, _ENTRIES // sample.replicates)
    for start in range(0, _DRAWS, chunk):
        size = min(chunk, _DRAWS - start)
        weights = np.zeros((size, sample.replicates))
        weights[:, used] = rng.multinomial(len(used), np.full(len(used), 1 / len(used)), size)
        sample.weights = weights
        yield sample


def _interval(draws: Draws) -> tuple[Draws, Draws, int]:
    """Return the 2.5 % and 97.5 % quantiles, shape (entries,), and the draws without a value."""
    defined = np.isfinite(draws).all(axis=1)
    if 2 * defined.sum() < len(draws):
        raise MeasureError(
            f"the measure has no value in {int((~defined).sum())} of {len(draws)} bootstrap "
            "draws; it rests on too few replicates, widen its filters or add replicates"
        )
    low, high = np.quantile(draws[defined], [0.025, 0.975], axis=0)
    return low, high, int((~defined).sum())


def _columns(value: Draws | tuple[Draws, ...]) -> Draws:
    """Return the values of a measure with shape (draws, entries)."""
    return np.stack(value if isinstance(value, tuple) else (value,), axis=1)


def _number(values: Any) -> Any:
    """Return the only entry of a list of one."""
    return values[0] if len(values) == 1 else tuple(values)
