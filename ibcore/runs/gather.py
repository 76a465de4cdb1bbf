"""Join the finished cells of a run into one result."""

from collections.abc import Mapping, Sequence

import pandas as pd
import pyarrow as pa

from ibcore.runs.cells import FinishedCell
from ibcore.runs.job import Job
from ibcore.runs.provenance import merge
from ibcore.runs.store import read, write_table
from ibcore.runs.tables import seeds_of, to_table


def gather(job: Job, results: Mapping[str, FinishedCell]) -> pd.DataFrame:
    """Join the cells in order, store the result, and remove the cell files.

    Raises
    ------
    ValueError
        If two cells have different columns.
    """
    tables = [results[key].table for key in job.plan]
    for key, table in zip(job.plan, tables, strict=True):
        if table.column_names != tables[0].column_names:
            raise ValueError(
                f"experiment {job.origin.experiment!r}, cell {job.plan[key]}: the columns "
                f"{table.column_names} differ from those of the first cell, "
                f"{tables[0].column_names}; let run_cell return the same columns for every "
                "cell, then run with fresh=True (--fresh)"
            )
    whole = _joined(tables)
    provenance = merge([results[key].provenance for key in job.plan], seeds_of(whole))
    with job.storing("all cells are finished but the result"):
        write_table(whole, job.cells.gathered, provenance)
    job.cells.clear()
    return read(job.cells.gathered)[0]


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Join tables as pandas joins frames; at once where all have the same types."""
    first = tables[0].schema
    plain = not any(pa.types.is_dictionary(kind) for kind in first.types)
    if plain and all(table.schema.equals(first, check_metadata=True) for table in tables):
        return pa.concat_tables(tables)
    frames: list[pd.DataFrame] = [table.to_pandas() for table in tables]
    return to_table(pd.concat(frames, ignore_index=True))
