"""Experiments, stored results and the ledger of claims.

Names are imported on first use, so that the command line answers before torch is loaded.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ibcore.runs.execute import run
    from ibcore.runs.experiment import (
        CellError,
        Experiment,
        TimeLimitError,
        design,
        experiments,
        find,
    )
    from ibcore.runs.forecast import Estimate, estimate
    from ibcore.runs.ledger import (
        Claim,
        ClaimResult,
        LedgerError,
        Results,
        check,
        claims,
        evaluate,
        read_ledger,
    )
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
    from ibcore.runs.workers import open_executor

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
    "open_executor",
    "read",
    "read_ledger",
    "run",
    "stored",
    "write",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its home on first use (PEP 562)."""
    if name in __all__:
        for home in ("experiment", "store", "workers", "forecast", "execute", "ledger"):
            if name in vars(module := import_module(f"ibcore.runs.{home}")):
                return getattr(module, name)
    raise AttributeError(f"module 'ibcore.runs' has no attribute {name!r}")
