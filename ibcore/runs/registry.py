"""Find the experiments of the laboratories by name."""

import difflib
from importlib import import_module
from importlib.util import find_spec

from ibcore.runs.experiment import AnyExperiment

LABS = ("redshift", "metainit", "guidance", "memory")


def experiments(lab: str | None = None) -> tuple[AnyExperiment, ...]:
    """Return the experiments of one laboratory, or of all, in the order of the book.

    Raises
    ------
    ValueError
        If ``lab`` is none of the laboratories, or two experiments share a name.

    Examples
    --------
    >>> all(experiment.lab == "redshift" for experiment in experiments("redshift"))
    True
    """
    if lab is not None and lab not in LABS:
        raise ValueError(f"unknown laboratory {lab!r}; choose one of {', '.join(LABS)}")
    found = tuple(
        experiment for name in LABS if lab in (None, name) for experiment in _experiments_of(name)
    )
    _check_distinct([experiment.name for experiment in found])
    return found


def find(name: str) -> AnyExperiment:
    """Return the experiment called ``name``.

    Raises
    ------
    ValueError
        If there is none; the message lists near matches.

    Examples
    --------
    >>> find("redshift.activatoins")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: unknown experiment 'redshift.activatoins'...
    """
    known = {experiment.name: experiment for experiment in experiments()}
    if name not in known:
        raise ValueError(f"unknown experiment {name!r}; {suggest(name, list(known))}")
    return known[name]


def suggest(name: str, known: list[str]) -> str:
    """Say which known names are close to ``name``, or else list all of them.

    Examples
    --------
    >>> suggest("lap", ["laptop", "smoke"])
    'did you mean laptop?'
    """
    if not known:
        return "none exist yet"
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"known names: {', '.join(known)}"


def _experiments_of(lab: str) -> tuple[AnyExperiment, ...]:
    if find_spec(f"ibcore.{lab}") is None or find_spec(f"ibcore.{lab}.experiments") is None:
        return ()
    found: tuple[AnyExperiment, ...] = tuple(import_module(f"ibcore.{lab}.experiments").EXPERIMENTS)
    for experiment in found:
        if experiment.lab != lab:
            raise ValueError(
                f"experiment {experiment.name!r} is listed by the laboratory {lab!r}; "
                f"its name must start with '{lab}.'"
            )
    return found


def _check_distinct(names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"experiment names occur twice: {', '.join(twice)}; rename one of each")
