"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from ibcore.runs.store import default_store
from ibcore.runtime import Tier, as_folder, check_tier

LabOption = Annotated[str | None, typer.Option("--lab", help="Only this laboratory.")]
TierOption = Annotated[str | None, typer.Option("--tier", help="smoke, laptop or paper.")]
StoreOption = Annotated[
    str | None,
    typer.Option("--store", metavar="FOLDER", help="Folder of results (default: $IBCORE_RESULTS)."),
]


def tier_of(tier: str | None) -> Tier | None:
    """Check the value of ``--tier``; None where it is not given."""
    return None if tier is None else check_tier(tier)


def folder_of(store: str | None) -> Path:
    """Return the folder that ``--store`` names, or the default one."""
    return default_store() if store is None else as_folder(store, "--store")


def count_cells(count: int) -> str:
    """Say how many cells, in words."""
    return f"{count} cell" if count == 1 else f"{count} cells"
