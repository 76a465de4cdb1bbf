"""What speaks against a stored result, said by its own provenance and the code of today."""

from ibcore.runs.experiment import AnyExperiment, plan_digest
from ibcore.runs.fingerprint import fingerprint
from ibcore.runs.provenance import Provenance
from ibcore.runtime import check_tier


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
