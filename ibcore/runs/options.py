"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from ibcore.runtime import Tier, check_tier

LabOption = Annotated[str | None, typer.Option("--lab", help="Only this laboratory.")]
TierOption = Annotated[str | None, typer.Option("--tier", help="smoke, laptop or paper.")]
StoreOption = Annotated[
    Path | None, typer.Option("--store", help="Folder of results (default: $IBCORE_RESULTS).")
]


def tier_of(tier: str | None) -> Tier | None:
    """Check the value of ``--tier``; None where it is not given."""
    return None if tier is None else check_tier(tier)


def count_cells(count: int) -> str:
    """Say how many cells, in words."""
    return f"{count} cell" if count == 1 else f"{count} cells"
