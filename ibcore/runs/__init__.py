"""Experiments, stored results and the ledger of claims."""

from ibcore.runs.claim import Claim, LedgerError
from ibcore.runs.claims import Results, check, claims
from ibcore.runs.evaluation import ClaimResult, evaluate
from ibcore.runs.execute import CellError, run
from ibcore.runs.experiment import Experiment
from ibcore.runs.fill import fill_text
from ibcore.runs.ledger import read_ledger
from ibcore.runs.provenance import Provenance
from ibcore.runs.registry import experiments, find
from ibcore.runs.store import DamagedResultError, Stored, default_store, load, read, stored, write

__all__ = [
    "CellError",
    "Claim",
    "ClaimResult",
    "DamagedResultError",
    "Experiment",
    "LedgerError",
    "Provenance",
    "Results",
    "Stored",
    "check",
    "claims",
    "default_store",
    "evaluate",
    "experiments",
    "fill_text",
    "find",
    "load",
    "read",
    "read_ledger",
    "run",
    "stored",
    "write",
]
