"""Check the claims of the ledger against published results or fresh runs."""

import functools
import re
import string
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ibcore.door import door
from ibcore.runs.execute import run
from ibcore.runs.experiment import LABS, check_lab, check_name, experiments
from ibcore.runs.measure import Draws, Measure, MeasureError, Sample
from ibcore.runs.schema import check_entry, read_list
from ibcore.runs.store import load, of_book
from ibcore.runtime import Tier
from ibcore.stats import FEW, expanded_tail, student_quantile

# A claim: one sentence that states a measured fact, and what must hold for it to be true.

# "agrees" is for the same quantity under the same condition; another quantity is "related".
Verdict = Literal[
    "agrees",
    "agrees in direction",
    "contradicts",
    "related",
    "not tested at this scale",
    "beyond the paper",
]
Relation = Literal["above", "below", "between", "increasing", "decreasing"]


class LedgerError(ValueError):
    """The ledger of claims has an entry that cannot be used; the message names it."""


@dataclass(frozen=True)
class Expect:
    """What a claim says about its value.

    Attributes
    ----------
    relation
        How the value is compared.
    bounds
        One bound for above and below, two for between, none for an order.
    margin
        For an order: by how much, at least, each entry exceeds or undercuts the one before.

    Examples
    --------
    >>> low, high = np.array([1.4]), np.array([1.6])
    >>> bool(Expect("between", (1.0, 2.0)).holds(low, high)), str(Expect("above", (0.5,)))
    (True, 'above 0.5')
    """

    relation: Relation
    bounds: tuple[float, ...] = ()
    margin: float = 0.0

    def holds(self, low: Draws, high: Draws) -> NDArray[np.bool_]:
        """Say where whole intervals are as expected: the ends of a value, (..., entries).

        For an order the entries are the steps from each number of the tuple to the next.
        """
        held = {
            "increasing": low > self.margin,
            "decreasing": high < -self.margin,
            "above": low > min(self.bounds, default=0),
            "below": high < max(self.bounds, default=0),
            "between": (low >= min(self.bounds, default=0)) & (high <= max(self.bounds, default=0)),
        }
        return np.asarray(held[self.relation].all(-1))

    def __str__(self) -> str:
        if self.bounds:
            return f"{self.relation} {' and '.join(f'{bound:g}' for bound in self.bounds)}"
        return self.relation + (f" by more than {self.margin:g}" if self.margin else "")


@dataclass(frozen=True)
class Paper:
    """What the paper says, and where it says it."""

    value: str
    where: str


@dataclass(frozen=True)
class Claim:
    """One sentence that states a measured fact.

    Attributes
    ----------
    id, statement, lab
        ``"redshift.relu-bounded"``, one sentence (may hold ``{value}``, ``{low}``, ``{high}``),
        and the laboratory.
    experiment, measure, expect, tier
        Which stored result, which expression over it, what it must satisfy, at which tier.
        All four are None exactly when the verdict is "not tested at this scale".
    paper
        The paper's own number, or None.
    verdict, note
        How ours relates to the paper's, and why.
    format, unit
        How the number is printed, and its unit.
    resample
        The column of replicates that the bootstrap draws.
    null
        What the measure gives where there is nothing to claim: derived (0 for a difference, 1 for
        a ratio, no step for an order), or given.
    foil
        A measure on which the expectation must fail: what "no effect" is told from, or what a
        single value would be without the cause.  In the file the measure itself, or the filters
        to exchange in the claim's: ``{activation: {relu: tanh}}``.
    unfit
        Why networks enter that do not fit their training data (99.5 % of it); without a reason a
        claim on accuracies that rests on one is refused.
    edge
        Why an arm enters whose rate, or whatever was tuned, is the smallest or largest of its
        grid, so that a better one may lie beyond; without a reason such a claim is refused.
    """

    id: str
    statement: str
    lab: str
    experiment: str | None
    measure: Measure | None = field(compare=False)
    expect: Expect | None
    tier: Tier | None
    paper: Paper | None
    verdict: Verdict
    note: str
    format: str = "{:.2f}"
    resample: str = "network"
    unit: str | None = None
    null: tuple[float, ...] = ()
    foil: Measure | None = field(default=None, compare=False)
    unfit: str | None = None
    edge: str | None = None

    def expected(self) -> Expect:
        """Return what must hold; `LedgerError` for a claim that was not attempted."""
        if self.expect is None:
            raise LedgerError(f"claim {self.id!r} was not attempted, so nothing is expected of it")
        return self.expect


# Evaluate one claim on one frame, with a paired bootstrap interval.

Number = float | tuple[float, ...]

FITTED = 0.995  # of the training data, from which a network counts as trained
_TESTED = re.compile(r"""["'](test_)?accuracy["']""")
MOST_FALSE = 0.05  # of tables without an effect may pass
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
        95 % interval, per entry for a tuple: Student's t with the jackknife's standard error below
        20 replicates, expanded percentiles of the paired bootstrap from there on.
    n
        Number of distinct replicates behind the value.
    rows, nonfinite
        Rows that entered, and how many of them held no finite value and were left out.
    undefined
        Bootstrap draws, of 1000, in which the measure had no value; they are left out.
    seeds, tier, date, device
        Where the stored result comes from; None for a frame without provenance.
    passed
        Whether the whole interval is as expected (for an order, that of each step), the claim's
        foil is not, and without a foil ``false_pass`` is at most 5 %.
    false_pass
        Share of tables without an effect, the measured scatter around ``null``, on which the
        expectation would hold all the same; None where no null is defined.
    foil
        What the claim's foil measures, None without one.
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
    false_pass: float | None
    foil: Number | None


@door
def evaluate(claim: Claim, frame: pd.DataFrame) -> ClaimResult:
    """Evaluate a claim on a frame.

    A replicate is drawn, or left out, with all its rows, so that measures over several cells stay
    paired.  The expectation is tested on the interval, not on the value.

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
    ...     "experiment": "toy.squares", "measure": "mean('x')", "expect": {"above": 1}, "null": 0,
    ...     "tier": "smoke", "paper": None, "verdict": "beyond the paper", "note": "An example.",
    ... })
    >>> result = evaluate(claim, pd.DataFrame({"network": [0, 1, 2], "x": [1.0, 2.0, 3.0]}))
    >>> result.value, result.n, result.passed  # three values: the interval is -0.48 to 4.48
    (2.0, 3, False)
    """
    if claim.measure is None:
        raise LedgerError(f"claim {claim.id!r} was not attempted, so it has no value")
    expect, foil = claim.expected(), None
    try:
        sample = Sample(frame, claim.resample)
        found = _estimate(claim.measure, sample)
        _check_fitted(claim, sample)
        _check_edges(claim, Sample(frame, claim.resample))
        used = (sample.used_replicates(), sample.used.copy(), sample.nonfinite.copy())
        for share in claim.measure.shares:
            whole = _estimate(Measure(share), Sample(frame, claim.resample))
            if whole.low[0] <= 0 <= whole.high[0]:
                raise MeasureError(f"it is a share of {share}, which is not told from 0")
        if claim.foil is not None:
            foil = _estimate(claim.foil, Sample(frame, claim.resample))
    except MeasureError as error:
        raise LedgerError(f"claim {claim.id!r}: {error}") from error
    false_pass = _false_pass(claim, found)
    told = (false_pass or 0) <= MOST_FALSE if foil is None else not expect.holds(*foil.tested())
    origin: Mapping[str, Any] = frame.attrs.get("provenance", {})
    shape = _number if claim.measure.length is None else tuple
    value = shape(found.value.tolist())
    return ClaimResult(
        claim=claim,
        value=value,
        low=shape(found.low.tolist()),
        high=shape(found.high.tolist()),
        n=len(used[0]),
        rows=int(used[1].sum()),
        nonfinite=int(used[2].sum()),
        undefined=found.undefined,
        seeds=tuple(origin.get("seeds", ())),
        tier=origin.get("tier"),
        date=origin.get("date"),
        device=origin.get("device_name"),
        passed=bool(expect.holds(*found.tested())) and told,
        false_pass=false_pass,
        foil=None if foil is None else shape(foil.value.tolist()),
    )


def _check_fitted(claim: Claim, sample: Sample) -> None:
    """Raise where networks that do not fit their training data are compared without a reason."""
    assert claim.measure is not None
    if "train_accuracy" not in sample.frame or not _TESTED.search(claim.measure.text):
        return
    least = float(sample.frame["train_accuracy"][sample.used].min())
    if least < FITTED and claim.unfit is None:
        raise MeasureError(
            f"it compares networks that do not fit their training data ({least:.3f} of it, "
            f"{FITTED} is needed); train them, or say with 'unfit:' why they enter"
        )
    if least >= FITTED and claim.unfit is not None:
        raise MeasureError(f"all its networks fit their training data ({least:.3f}); drop 'unfit:'")


def _check_edges(claim: Claim, sample: Sample) -> None:
    """Raise where an arm is tuned to the edge of its grid without a reason."""
    assert claim.measure is not None
    pairs = product(claim.measure.reductions, _tuned(claim.lab, claim.experiment).items())
    found = [edge for each, tuned in pairs if (edge := _edge(sample, *each, *tuned))]
    if found and claim.edge is None:
        raise MeasureError(
            f"it rests on {' and '.join(dict.fromkeys(found))}; extend the grid, or say with "
            "'edge:' why the value enters"
        )
    if claim.edge is not None and not found:
        raise MeasureError("no value that it rests on is at the edge of its grid; drop 'edge:'")


@functools.cache
def _tuned(lab: str, experiment: str | None) -> Mapping[str, Sequence[str]]:
    """Return what an experiment of a laboratory says about its tuned columns."""
    known = experiments(lab) if lab in LABS else ()
    return next((each.tuned for each in known if each.name == experiment), {})


def _edge(
    sample: Sample, name: str, given: Mapping[str, Any], column: str, apart: Sequence[str]
) -> str | None:
    """Say which value of a tuned column a reduction rests on, if it ends the grid.

    It rests on the value that a maximum or minimum finds, else on the one that most replicates
    have.  A filter names its value, and a mean over the whole grid chooses none; 0 ends no grid.
    """
    by, mask = given.get("by", []), sample.rows(given["where"])
    by = [by] if isinstance(by, str) else by
    if column in given["where"] or (column in by and name == "spearman"):
        return None
    grid = values = sample.frame[column][mask]
    if column in by:
        means = sample.frame[mask].groupby(by)[given["column"]].transform("mean")
        values = values[means == (means.max() if name == "max_over" else means.min())]
    else:
        grid = sample.frame[column][_same_arms(sample.frame, apart, mask)]
        whole = values.groupby(sample.codes[mask]).nunique() == grid.nunique()
        values = values[: 0 if whole.all() else None]
    ends, counts = (grid.min(), grid.max()), values.value_counts()
    most = max((count for value, count in counts.items() if value not in ends), default=1)
    found = [end for end in ends if end and counts.get(end, 0) >= most]
    if ends[0] == ends[1] or not found:
        return None
    first = max(found, key=lambda end: int(counts[end]))
    return f"the {column} {first:g} of a grid from {ends[0]:g} to {ends[1]:g}"


def _same_arms(frame: "pd.DataFrame", apart: Sequence[str], mask: NDArray[np.bool_]) -> list[bool]:
    """Return which rows share their grid with the masked ones: "tuned x" has that of "x"."""
    names = (frame[each].astype(str).str.removeprefix("tuned ") for each in apart)
    arms = list(zip(*names, strict=True))
    mine = {arm for arm, inside in zip(arms, mask, strict=True) if inside}
    return [arm in mine for arm in arms]


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


@dataclass(frozen=True)
class _Estimate:
    """A measure's value with its interval, and its scatter over draws; one entry or several.

    ``steps`` holds the same for the steps between the entries of a tuple.
    """

    value: Draws
    low: Draws
    high: Draws
    draws: Draws
    undefined: int
    steps: "_Estimate | None" = None

    def tested(self) -> tuple[Draws, Draws]:
        """Return the ends that an expectation is tested on."""
        tested = self.steps or self
        return tested.low, tested.high


def _estimate(measure: Measure, sample: Sample) -> _Estimate:
    """Evaluate a measure: its value, its draws, and its interval by the number of replicates."""
    value = _columns(measure(sample))
    if not np.isfinite(value).all():
        raise MeasureError(f"the measure {measure.text!r} gives {_number(value[0])}")
    draws = np.concatenate([_columns(measure(s)) for s in _resampled(sample)])
    defined = np.isfinite(draws).all(axis=1)
    if 2 * defined.sum() < len(draws):
        raise MeasureError(
            f"the measure has no value in {int((~defined).sum())} of {len(draws)} bootstrap "
            "draws; it rests on too few replicates, widen its filters or add replicates"
        )
    n = len(sample.used_replicates())
    without = _left_out(measure, sample) if n < FEW else value

    def made(column: Callable[[Draws], Draws]) -> _Estimate:
        point, scatter = column(value)[0], column(draws[defined])
        low, high = _ends(point, scatter, column(without), n)
        return _Estimate(point, low, high, scatter, int((~defined).sum()))

    whole = made(lambda values: values)
    if measure.length is None:
        return whole
    return replace(whole, steps=made(lambda values: np.diff(values, axis=1)))


def _left_out(measure: Measure, sample: Sample) -> Draws:
    """Return the measure without each replicate in turn, shape (replicates, entries)."""
    used = sample.used_replicates()
    sample.weights = np.ones((len(used), sample.replicates))
    sample.weights[np.arange(len(used)), used] = 0
    return _columns(measure(sample))


def _ends(value: Draws, draws: Draws, without: Draws, n: int) -> tuple[Draws, Draws]:
    """Return the ends of the 95 % interval of a value that rests on n replicates."""
    if n >= FEW:
        tail = expanded_tail(0.95, n)
        low, high = np.quantile(draws, [tail, 1 - tail], axis=0)
        return low, high
    if n < 2 or not np.isfinite(without).all():
        raise MeasureError(
            f"the measure rests on {n} replicates and has no value without one of them; "
            "widen its filters or add replicates"
        )
    error = np.sqrt((n - 1) * without.var(axis=0))
    half = student_quantile(0.95, n - 1) * error
    return value - half, value + half


def _false_pass(claim: Claim, found: _Estimate) -> float | None:
    """Return how often the expectation holds on scatter around the null, as large as measured."""
    tested = found.steps or found
    nulls = (0.0,) if found.steps else claim.null
    n = max(len(tested.draws), 1)
    rates = []
    for null in nulls:
        if null > 0 and (tested.draws > 0).all() and (tested.value > 0).all():  # as a ratio
            values = null * tested.draws / tested.value
            low, high = (values * end / tested.value for end in (tested.low, tested.high))
        else:
            values = null + tested.draws - tested.value
            low, high = (values + end - tested.value for end in (tested.low, tested.high))
        rates.append(float(claim.expected().holds(low, high).sum() / n))
    return max(rates, default=None)


def _columns(value: Draws | tuple[Draws, ...]) -> Draws:
    """Return the values of a measure with shape (draws, entries)."""
    return np.stack(value if isinstance(value, tuple) else (value,), axis=1)


def _number(values: Any) -> Any:
    """Return the only entry of a list of one."""
    return values[0] if len(values) == 1 else tuple(values)


# Read the ledger of claims and refuse every entry that is not complete and clear.


def ledger_path() -> Path:
    """Return the ledger: ``book/claims.yml`` of a checkout, else the packaged copy."""
    return of_book("claims.yml")


@door
def read_ledger(path: Path | None = None) -> dict[str, Claim]:
    """Return the claims by id, in the order of the file.

    Raises
    ------
    LedgerError
        If the file is not a list of complete, distinct claims; the message names the claim.

    Examples
    --------
    >>> all(claim.id == name for name, claim in read_ledger().items())
    True
    """
    try:
        entries = read_list(path or ledger_path(), "claim")
    except ValueError as error:
        raise LedgerError(str(error)) from error
    return {name: _claim(entry) for name, entry in entries.items()}


def parse_claim(entry: Mapping[str, Any]) -> Claim:
    """Return a claim from its mapping in the ledger.

    Raises
    ------
    LedgerError
        If a key is missing or unknown, or a value cannot be used.

    Examples
    --------
    >>> try:
    ...     parse_claim({"id": "redshift.example"})
    ... except LedgerError as error:
    ...     print(str(error)[:56])
    claim 'redshift.example': missing keys statement, lab, e
    """
    try:
        check_entry(entry, "claim", "the claim")
    except ValueError as error:
        raise LedgerError(str(error)) from error
    return _claim(entry)


def _claim(entry: Mapping[str, Any]) -> Claim:
    """Return a claim from an entry that its schema allows."""
    read: Mapping[str, Callable[[Any], Any]] = {
        "experiment": check_name,
        "measure": Measure,
        "expect": _expect,
        "null": lambda null: tuple(map(float, null if isinstance(null, list) else [null])),
        "paper": lambda paper: Paper(**paper),
    }
    try:
        given = {name: value for name, value in entry.items() if value is not None}
        values = {name: read.get(name, lambda value: value)(given[name]) for name in given}
        measure: Any = values.get("measure")
        if isinstance(values.get("foil"), dict):
            values["foil"] = measure.with_filters(values["foil"])
        elif "foil" in values:
            values["foil"] = Measure(values["foil"])
        values.setdefault("null", measure.null if measure else ())
        claim = Claim(
            **{**dict.fromkeys(("experiment", "measure", "expect", "paper", "tier")), **values}
        )
        _check_shape(claim)
        _check_can_fail(claim)
        _check_texts(claim)
    except ValueError as error:
        raise LedgerError(f"claim {entry['id']!r}: {error}") from error
    return claim


def _expect(value: Mapping[str, Any]) -> Expect:
    """Return an expectation from ``above``, ``below``, ``between`` or ``order``."""
    if len({*value} - {"margin"}) != 1:
        raise ValueError(
            "expect must hold exactly one of above: x, below: x, between: [a, b], "
            f"order: increasing|decreasing (an order may have a margin), got {value!r}"
        )
    name, given = next(item for item in value.items() if item[0] != "margin")
    margin = float(value.get("margin", 0))
    if name == "order":
        return Expect(given, margin=margin)
    bounds = tuple(map(float, given if isinstance(given, list) else [given]))
    if not np.isfinite(bounds).all() or list(bounds) != sorted(set(bounds)):
        raise ValueError(f"expect.{name} must hold finite numbers that rise, got {given!r}")
    return Expect(cast(Relation, name), bounds)


def _check_shape(claim: Claim) -> None:
    """Refuse an order of one number, and any other expectation of a tuple."""
    if not claim.id.startswith(f"{claim.lab}."):
        raise ValueError(f"the id must start with the lab, here '{claim.lab}.'")
    if claim.measure is None or claim.expect is None:
        return
    if claim.expect.bounds and claim.measure.length is not None:
        raise ValueError(f"'{claim.expect}' needs one number, but the measure is a tuple")
    if not claim.expect.bounds and (claim.measure.length or 0) < 2:
        raise ValueError(f"'{claim.expect}' needs a measure of the form (m1, m2, ...)")


def _check_can_fail(claim: Claim) -> None:
    """Refuse a claim that holds where there is nothing to claim, or that has no such place."""
    if claim.expect is None or not claim.expect.bounds or claim.foil is not None:
        return
    if not claim.null:
        raise ValueError(
            "what its measure would be without the effect cannot be derived; say it with 'null:', "
            "or name a measure on which the expectation must fail with 'foil:'"
        )
    inside = [x for x in claim.null if claim.expect.holds(np.array([x]), np.array([x]))]
    if inside:
        raise ValueError(
            f"'{claim.expect}' holds for {inside[0]:g}, where there is no effect; tighten it, or, "
            "to claim that there is none, name with 'foil:' a measure on which it must fail"
        )


def _check_texts(claim: Claim) -> None:
    try:
        same = claim.format.format(1.0) == claim.format.format(2.0)
        fields = {field for _, field, _, _ in string.Formatter().parse(claim.statement) if field}
    except (ValueError, IndexError, KeyError) as error:
        problem = f"format {claim.format!r} or the statement has a bad placeholder: {error}"
        raise ValueError(problem) from error
    if same:
        raise ValueError(f"format {claim.format!r} does not print the number; use '{{:.2f}}'")
    if not fields <= {"value", "low", "high"}:
        raise ValueError(f"the statement may hold {{value}}, {{low}}, {{high}}, got {fields}")
    if fields and claim.measure is None:
        raise ValueError("a claim that was not attempted has no numbers to fill in")


# Check the claims, and show them.


@door
def check(
    lab: str | None = None, tier: Tier | None = None, fresh: bool = False
) -> list[ClaimResult]:
    """Evaluate the claims of the ledger, in its order; those not attempted are left out.

    Parameters
    ----------
    lab
        Only the claims of this laboratory.
    tier
        Evaluate at this tier; by default at the tier each claim names.
    fresh
        Run the experiments anew into a temporary folder, instead of reading the published
        results.

    Raises
    ------
    FileNotFoundError
        If a published result is missing.
    LedgerError
        If a claim cannot be evaluated.

    Examples
    --------
    >>> all(result.passed for result in check("guidance"))
    True
    """
    chosen = [claim for claim in of_lab(read_ledger(), lab) if claim.measure is not None]
    if not fresh:
        return [result for _, result in Results(chosen, tier=tier).items()]
    with tempfile.TemporaryDirectory(prefix="ibcore-") as store:
        for name, size in dict.fromkeys((str(c.experiment), tier or c.tier) for c in chosen):
            run(name, size, store=store)
        return [result for _, result in Results(chosen, tier=tier, store=store).items()]


@door
def claims(lab: str | None = None) -> pd.DataFrame:
    """Return the ledger with today's published numbers as a tidy table, one row per claim.

    Columns: id, statement (numbers filled in), value, low, high, n, expect, tier, paper,
    verdict, passed, note, date.  Value and interval are numbers (tuples for a claim of order), and
    None for a claim that was not attempted.

    Raises
    ------
    FileNotFoundError, LedgerError
        As for `check`.

    Examples
    --------
    >>> list(claims("guidance").columns)[:3]
    ['id', 'statement', 'value']
    """
    chosen = of_lab(read_ledger(), lab)
    results = Results([claim for claim in chosen if claim.measure is not None])
    rows = [_row(claim, results.get(claim.id)) for claim in chosen]
    return pd.DataFrame(rows, columns=list(_COLUMNS), dtype=object)


@door
@dataclass(frozen=True, eq=False)
class Results(Mapping[str, ClaimResult]):
    """The results of claims by id, each evaluated when it is first asked for.

    Attributes
    ----------
    claims
        The claims, none of them "not tested at this scale".
    tier
        The tier to read; by default each claim's own.
    store
        The folder of results; by default the published ones.
    """

    claims: Sequence[Claim]
    tier: Tier | None = None
    store: Path | str | None = None
    _frames: dict[tuple[str, Tier | None], pd.DataFrame] = field(default_factory=dict)
    _done: dict[str, ClaimResult] = field(default_factory=dict)

    def __getitem__(self, key: str) -> ClaimResult:
        if key not in self._done:
            matching = [claim for claim in self.claims if claim.id == key]
            if not matching:
                raise KeyError(key)
            self._done[key] = evaluate(matching[0], self._frame(matching[0]))
        return self._done[key]

    def __iter__(self) -> Iterator[str]:
        return (claim.id for claim in self.claims)

    def __len__(self) -> int:
        return len(self.claims)

    def __contains__(self, key: object) -> bool:
        return any(claim.id == key for claim in self.claims)

    def _frame(self, claim: Claim) -> pd.DataFrame:
        place = (str(claim.experiment), self.tier or claim.tier)
        if place not in self._frames:
            self._frames[place] = load(*place, store=self.store)
        return self._frames[place]


_COLUMNS = tuple(
    "id statement value low high n expect tier paper verdict passed note date".split()  # noqa: SIM905
)


def _row(claim: Claim, result: ClaimResult | None) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(_COLUMNS)
    row |= {"id": claim.id, "statement": claim.statement, "verdict": claim.verdict}
    row |= {"note": claim.note, "tier": claim.tier}
    row["paper"] = f"{claim.paper.value} ({claim.paper.where})" if claim.paper else None
    if result is None:
        return row
    numbers = {name: show(claim, getattr(result, name)) for name in ("value", "low", "high")}
    row |= {name: getattr(result, name) for name in ("value", "low", "high", "n", "passed", "date")}
    return row | {
        "statement": claim.statement.format(**numbers),
        "expect": str(claim.expected()),
        "tier": result.tier,
    }


def of_lab(ledger: Mapping[str, Claim], lab: str | None) -> list[Claim]:
    """Return the claims of one laboratory, or all; ``ValueError`` if it is unknown."""
    wanted = None if lab is None else check_lab(lab)
    return [claim for claim in ledger.values() if wanted in (None, claim.lab)]
