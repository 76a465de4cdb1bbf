"""Read the ledger of claims and refuse every entry that is not complete and clear."""

import string
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar, get_args

import ibcore
from ibcore.runs.claim import Claim, Expect, LedgerError, Paper, Verdict
from ibcore.runs.experiment import check_name
from ibcore.runs.measure import Measure
from ibcore.runs.sample import MeasureError
from ibcore.runtime import TIERS, check_tier

T = TypeVar("T")

_MEASURED = ("experiment", "measure", "expect", "tier")
_REQUIRED = ("id", "statement", "lab", *_MEASURED, "paper", "verdict", "note")
_OPTIONAL = ("format", "resample", "unit")


def ledger_path() -> Path:
    """Return the ledger: ``book/claims.yml`` of a checkout, else the packaged copy."""
    package = Path(ibcore.__file__).parent
    checkout = package.parent / "book" / "claims.yml"
    return checkout if checkout.exists() else package / "_claims.yml"


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
    import yaml

    source = path or ledger_path()
    try:
        entries = yaml.load(source.read_text(encoding="utf-8"), Loader=_unique_key_loader())
    except yaml.YAMLError as error:
        raise LedgerError(f"{source} is not readable YAML: {error}") from error
    if not isinstance(entries, list):
        raise LedgerError(f"{source} must hold a list of claims (an empty one is '[]')")
    claims: dict[str, Claim] = {}
    for number, entry in enumerate(entries, start=1):
        claim = parse_claim(entry, f"entry {number} of {source.name}")
        if claim.id in claims:
            _fail(claim.id, f"the id occurs twice in {source}; give each claim its own")
        claims[claim.id] = claim
    return claims


def parse_claim(entry: object, where: str = "claim") -> Claim:
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
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
        raise LedgerError(f"{where}: a claim is a mapping with a text 'id', got {entry!r}")
    name: str = entry["id"]
    _check_keys(name, entry, _REQUIRED, _OPTIONAL)
    for key in ("statement", "lab", "verdict", "note"):
        _text(name, key, entry[key])
    attempted = _check_verdict(name, entry)
    lab, dot, _ = name.partition(".")
    if not dot or entry["lab"] != lab:
        _fail(name, f"the id must start with the lab, here '{entry['lab']}.'")
    optional = {
        key: _text(name, key, entry[key])
        for key in ("format", "resample", "unit")
        if entry.get(key) is not None
    }
    claim = Claim(
        id=name,
        statement=entry["statement"],
        lab=lab,
        experiment=_named(name, check_name, entry["experiment"]) if attempted else None,
        measure=_named(name, Measure, entry["measure"]) if attempted else None,
        expect=parse_expect(name, "expect", entry["expect"]) if attempted else None,
        tier=_named(name, check_tier, entry["tier"]) if attempted else None,
        paper=_paper(name, entry["paper"]),
        verdict=entry["verdict"],
        note=entry["note"],
        **optional,
    )
    _check_shape(claim)
    _check_texts(claim)
    return claim


def parse_expect(name: str, key: str, value: object) -> Expect:
    """Return an expectation from ``above``, ``below``, ``between`` or ``order``."""
    allowed = "exactly one of above: x, below: x, between: [a, b], order: increasing|decreasing"
    if not isinstance(value, dict):
        _fail(name, f"{key} must be a mapping with {allowed}, got {value!r}")
    kinds = set(value) - {"margin"}
    if len(kinds) != 1 or ("margin" in value and kinds != {"order"}):
        _fail(name, f"{key} must hold {allowed} (an order may have a margin), got {value!r}")
    kind = kinds.pop()
    if kind == "order" and value["order"] in ("increasing", "decreasing"):
        (margin,) = _numbers(name, f"{key}.margin", [value.get("margin", 0)], 1)
        if margin < 0:
            _fail(name, f"{key}.margin must not be negative, got {margin:g}")
        return Expect(value["order"], margin=margin)
    if kind == "between":
        bounds = _numbers(name, f"{key}.between", value["between"], 2)
        if bounds[0] >= bounds[1]:
            _fail(name, f"{key}.between must rise from low to high, got {value['between']!r}")
        return Expect("between", bounds)
    if kind == "above" or kind == "below":  # noqa: PLR1714  # mypy narrows this form
        return Expect(kind, _numbers(name, f"{key}.{kind}", [value[kind]], 1))
    return _fail(name, f"{key} must hold {allowed}, got {value!r}")


def _check_verdict(name: str, entry: Mapping[str, Any]) -> bool:
    """Return whether the claim was attempted; its four measured keys must say the same."""
    if entry["verdict"] not in get_args(Verdict):
        choices = ", ".join(get_args(Verdict))
        _fail(name, f"unknown verdict {entry['verdict']!r}; choose one of {choices}")
    attempted: bool = entry["verdict"] != "not attempted"
    for key in _MEASURED:
        if attempted == (entry[key] is None):
            _fail(
                name,
                f"{key} must be null exactly when the verdict is 'not attempted', got "
                f"{entry[key]!r} with verdict {entry['verdict']!r}",
            )
    return attempted


def _check_shape(claim: Claim) -> None:
    """Refuse an order of one number, and any other expectation of a tuple."""
    if claim.measure is None or claim.expect is None:
        return
    if claim.expect.bounds and claim.measure.length is not None:
        _fail(claim.id, f"'{claim.expect}' needs one number, but the measure is a tuple")
    if not claim.expect.bounds and (claim.measure.length or 0) < 2:
        _fail(claim.id, f"'{claim.expect}' needs a measure of the form (m1, m2, ...)")


def _check_texts(claim: Claim) -> None:
    try:
        claim.format.format(1.0)
        fields = {field for _, field, _, _ in string.Formatter().parse(claim.statement) if field}
    except (ValueError, IndexError, KeyError) as error:
        _fail(claim.id, f"format {claim.format!r} or the statement has a bad placeholder: {error}")
    if claim.format.format(1.0) == claim.format.format(2.0):
        _fail(claim.id, f"format {claim.format!r} does not print the number; use '{{:.2f}}'")
    if not fields <= {"value", "low", "high"}:
        _fail(claim.id, f"the statement may hold {{value}}, {{low}}, {{high}}, got {fields}")
    if fields and claim.measure is None:
        _fail(claim.id, "a claim that was not attempted has no numbers to fill in")


def _check_keys(
    name: str, entry: Mapping[Any, Any], required: Sequence[str], optional: Sequence[str]
) -> None:
    missing = [key for key in required if key not in entry]
    if missing:
        _fail(name, f"missing keys {', '.join(missing)}; add them (null where allowed)")
    unknown = [str(key) for key in entry if key not in (*required, *optional)]
    if unknown:
        known = ", ".join([*required, *optional])
        _fail(name, f"unknown keys {', '.join(unknown)}; known keys: {known}")


def _paper(name: str, value: object) -> Paper | None:
    if value is None:
        return None
    if not isinstance(value, dict) or set(value) != {"value", "where"}:
        _fail(name, f"paper must be null or {{value: ..., where: ...}}, got {value!r}")
    return Paper(*(_text(name, f"paper.{key}", value[key]) for key in ("value", "where")))


def _text(name: str, key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        _fail(name, f"{key} must be text, got {value!r}; put it in quotes")
    return value


def _numbers(name: str, key: str, values: object, length: int) -> tuple[float, ...]:
    if (
        not isinstance(values, list)
        or len(values) != length
        or any(type(value) not in (int, float) or value - value != 0 for value in values)
    ):
        _fail(name, f"{key} must hold {length} finite number(s), got {values!r}")
    return tuple(float(value) for value in values)


def _named(name: str, parse: Callable[[str], T], value: str) -> T:
    """Parse a value; an error names the claim."""
    try:
        return parse(value)
    except (ValueError, TypeError, AttributeError) as error:
        hint = "" if isinstance(error, MeasureError) else f" (tiers: {', '.join(TIERS)})"
        raise LedgerError(f"claim {name!r}: {error}{hint}") from error


def _fail(name: str, reason: str) -> NoReturn:
    raise LedgerError(f"claim {name!r}: {reason}")


def _unique_key_loader() -> Any:
    """Return a safe YAML loader that refuses a key that occurs twice."""
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            for key in keys:
                if keys.count(key) > 1:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key!r} occurs twice", node.start_mark
                    )
            return super().construct_mapping(node, deep)

    return Loader
