"""Experiments, stored results and the ledger of claims."""

from ibcore.runs.claims import (
    Claim,
    ClaimResult,
    LedgerError,
    Results,
    check,
    claims,
    evaluate,
    read_ledger,
)
from ibcore.runs.estimate import Estimate, estimate
from ibcore.runs.execute import CellError, run
from ibcore.runs.executors import open_executor
from ibcore.runs.experiment import Experiment, design, experiments, find
from ibcore.runs.limits import TimeLimitError
from ibcore.runs.overview import measurements
from ibcore.runs.store import (
    DamagedResultError,
    Provenance,
    Stored,
    default_store,
    load,
    read,
    stored,
    write,
)

__all__ = [
    "CellError",
    "Claim",
    "ClaimResult",
    "DamagedResultError",
    "Estimate",
    "Experiment",
    "LedgerError",
    "Provenance",
    "Results",
    "Stored",
    "TimeLimitError",
    "check",
    "claims",
    "default_store",
    "design",
    "estimate",
    "evaluate",
    "experiments",
    "find",
    "load",
    "measurements",
    "open_executor",
    "read",
    "read_ledger",
    "run",
    "stored",
    "write",
]
