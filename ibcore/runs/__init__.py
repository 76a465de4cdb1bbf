"""Experiments, stored results and the ledger of claims."""

from ibcore.runs.claim import Claim, LedgerError
from ibcore.runs.claims import Results, check, claims
from ibcore.runs.estimate import Estimate, estimate
from ibcore.runs.evaluation import ClaimResult, evaluate
from ibcore.runs.execute import run
from ibcore.runs.executors import open_executor
from ibcore.runs.experiment import Experiment
from ibcore.runs.fill import fill_text
from ibcore.runs.job import CellError
from ibcore.runs.ledger import read_ledger
from ibcore.runs.limits import TimeLimitError
from ibcore.runs.overview import measurements
from ibcore.runs.provenance import Provenance
from ibcore.runs.registry import experiments, find
from ibcore.runs.store import DamagedResultError, Stored, default_store, load, read, stored, write

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
    "estimate",
    "evaluate",
    "experiments",
    "fill_text",
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
