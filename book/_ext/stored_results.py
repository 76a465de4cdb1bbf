"""What is stored, at which tier, and when and where it was measured."""

from pathlib import Path

import pandas as pd

from ibcore.runs import Stored, experiments, read, stored
from ibcore.runs.experiment import Experiment
from ibcore.runs.store import doubts

COLUMNS = ("device", "date", "dirty", "cells", "seconds", "device_name", "instructions", "commit")


def measurements(store: Path | str | None = None) -> pd.DataFrame:
    """Return one row for each stored result, by name and tier, from its own provenance.

    Parameters
    ----------
    store
        The folder of results; by default the published ones.

    Returns
    -------
    pandas.DataFrame
        ``lab``, ``experiment``, ``tier``; ``seeds``, how many different values the column
        ``seed`` has; ``device``, for instance ``cpu`` or ``cuda:0``; ``date``, when the result
        was finished, UTC; ``dirty``, whether the package differed from its commit (None outside
        a checkout); ``cells``; ``seconds`` of computing, summed over cells; ``device_name``;
        ``instructions``, the instruction set of the processor; ``commit``; ``doubts``, why it is
        not what the code of today would compute ("older than its code", "code not recorded",
        "package changed since its commit"), empty where nothing speaks against it.

    Raises
    ------
    DamagedResultError
        If a stored file cannot be read.
    """
    known = {experiment.name: experiment for experiment in experiments()}
    rows = [_row(entry, known.get(entry.experiment)) for entry in stored(store)]
    names = ("lab", "experiment", "tier", "seeds", *COLUMNS, "doubts")
    frame = pd.DataFrame(rows, columns=list(names))
    return frame.assign(date=pd.to_datetime(frame["date"], utc=True))


def _row(entry: Stored, experiment: Experiment | None) -> dict[str, object]:
    _, origin = read(entry.path)
    return {
        "lab": entry.experiment.partition(".")[0],
        "experiment": entry.experiment,
        "tier": entry.tier,
        "seeds": len(origin.seeds),
        **{name: getattr(origin, name) for name in COLUMNS},
        "doubts": ", ".join(doubts(origin, experiment)),
    }
