"""In which order experiments run at the paper tier: the most value for a minute first."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ibcore.runs.estimate import Estimate, estimate, show_time
from ibcore.runs.experiment import AnyExperiment
from ibcore.runs.priorities import Priority, read_priorities


@dataclass(frozen=True)
class Turn:
    """An experiment with its declared priority and its predicted time."""

    experiment: AnyExperiment
    priority: Priority
    estimate: Estimate

    @property
    def minutes(self) -> float | None:
        """Predicted minutes of computing that remain; None where no time is known."""
        seconds = self.estimate.seconds
        return None if seconds is None else seconds.seconds / 60

    @property
    def rate(self) -> float | None:
        """Value for a minute of computing; infinite where nothing remains."""
        if self.minutes is None:
            return None
        return self.priority.value / self.minutes if self.minutes else float("inf")

    def __str__(self) -> str:
        name, value = self.experiment.name, self.priority.value
        time = "unknown time" if self.minutes is None else f"about {show_time(60 * self.minutes)}"
        return f"{name}: value {value}, {time}. {self.priority.why}"


def in_order(
    experiments: Sequence[AnyExperiment],
    *,
    device: str | None = None,
    store: Path | str | None = None,
) -> list[Turn]:
    """Order experiments for the paper tier by their value for a predicted minute of computing.

    Values are declared in ``book/paper.yml``; times come from `ibcore.runs.estimate` without
    computing a cell.  Where nothing was measured on the kind of ``device``, times on the CPU
    stand in.  Experiments of unknown time come last, those of higher value first.

    Raises
    ------
    ValueError
        If an experiment has no paper tier or no entry in ``book/paper.yml``.

    Examples
    --------
    >>> from ibcore.runs import find
    >>> pair = [find("redshift.references"), find("redshift.activations")]
    >>> len(in_order(pair, store="a-folder-that-does-not-exist"))
    2
    """
    priorities = read_priorities()
    missing = [entry.name for entry in experiments if entry.name not in priorities]
    if missing:
        raise ValueError(f"book/paper.yml has no entry for {', '.join(missing)}; add value and why")
    turns = [
        Turn(entry, priorities[entry.name], _known(entry, device or "cpu", store))
        for entry in experiments
    ]
    return sorted(turns, key=_key)


def _known(experiment: AnyExperiment, device: str, store: Path | str | None) -> Estimate:
    kinds = (device,) if device.startswith("cpu") else (device, "cpu")
    found = [
        estimate(experiment, "paper", device=kind, store=store, probe_limit=None) for kind in kinds
    ]
    return next((entry for entry in found if entry.seconds is not None), found[0])


def _key(turn: Turn) -> tuple[bool, float, int]:
    return turn.rate is None, -(turn.rate or 0.0), -turn.priority.value
