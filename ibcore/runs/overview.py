"""What is stored, at which tier, and when and where it was measured."""

from pathlib import Path
from typing import TYPE_CHECKING

from ibcore.runs.experiment import AnyExperiment, experiments, plan_digest
from ibcore.runs.fingerprint import fingerprint
from ibcore.runs.store import Provenance, Stored, published, read, stored
from ibcore.runtime import as_folder, check_tier

if TYPE_CHECKING:
    import pandas as pd


# What speaks against a stored result, said by its own provenance and the code of today.


def doubts(origin: Provenance, experiment: AnyExperiment | None) -> tuple[str, ...]:
    """Return the reasons not to take a result for what the code of today would compute.

    Parameters
    ----------
    origin
        The provenance of the result.
    experiment
        The experiment of that name as it is today, or None where there is none.

    Examples
    --------
    >>> from ibcore.runs import Provenance, find, load
    >>> stored = Provenance.from_dict(load("redshift.references").attrs["provenance"])
    >>> doubts(stored, None)[0]
    'no such experiment today'
    >>> isinstance(doubts(stored, find("redshift.references")), tuple)
    True
    """
    changed = "package changed since its commit" if origin.dirty else None
    return tuple(filter(None, (_difference(origin, experiment), changed)))


def _difference(origin: Provenance, experiment: AnyExperiment | None) -> str | None:
    if experiment is None or origin.tier not in experiment.tiers:
        return "no such experiment today"
    if origin.plan != plan_digest(experiment.plan(check_tier(origin.tier))):
        return "another configuration than today's"
    if origin.code is None:
        return "code not recorded"
    return None if origin.code == fingerprint(experiment.run_cell) else "older than its code"


COLUMNS = (
    "lab",
    "experiment",
    "tier",
    "seeds",
    "device",
    "date",
    "dirty",
    "cells",
    "seconds",
    "device_name",
    "instructions",
    "commit",
    "code",
    "doubts",
)


def measurements(store: Path | str | None = None) -> "pd.DataFrame":
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
        ``instructions``, the instruction set of the processor; ``commit``; ``code``, a digest of
        the code that computed it; ``doubts``, why it is not what the code of today would compute
        ("older than its code", "code not recorded", "package changed since its commit"), empty
        where nothing speaks against it.

    Raises
    ------
    DamagedResultError
        If a stored file cannot be read.

    Examples
    --------
    >>> set(measurements()["tier"]) <= {"smoke", "laptop", "paper"}
    True
    >>> len(measurements("a-folder-that-does-not-exist"))
    0
    """
    import pandas as pd

    folder = published() if store is None else as_folder(store, "store")
    known = {experiment.name: experiment for experiment in experiments()}
    rows = [_row(entry, known.get(entry.experiment)) for entry in stored(folder)]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.assign(date=pd.to_datetime(frame["date"], utc=True))


def _row(entry: Stored, experiment: AnyExperiment | None) -> dict[str, object]:
    _, origin = read(entry.path)
    return {
        "lab": entry.experiment.partition(".")[0],
        "experiment": entry.experiment,
        "tier": entry.tier,
        "seeds": len(origin.seeds),
        "device": origin.device,
        "date": origin.date,
        "dirty": origin.dirty,
        "cells": origin.cells,
        "seconds": origin.seconds,
        "device_name": origin.device_name,
        "instructions": origin.instructions,
        "commit": origin.commit,
        "code": origin.code,
        "doubts": ", ".join(doubts(origin, experiment)),
    }
