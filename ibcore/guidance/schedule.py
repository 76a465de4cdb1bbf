"""How much the task and the guide weigh at each step."""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

ScheduleKind = Literal["constant", "disconnect", "decay", "initialize"]
SCHEDULES: tuple[ScheduleKind, ...] = get_args(ScheduleKind)


class Weights(NamedTuple):
    """Weights of the task loss and of the dissimilarity to the guide."""

    task: float
    guide: float


@dataclass(frozen=True)
class Schedule:
    r"""Weights of task and guide as a function of the step t = 0, 1, ...

    ============== ==================================== =======================================
    kind           before step ``until``                from then on
    ============== ==================================== =======================================
    ``constant``   task 1, guide :math:`\alpha`         the same (``until`` is left out)
    ``disconnect`` task 1, guide :math:`\alpha`         task 1, guide 0
    ``decay``      task 1, guide :math:`\alpha(1-t/u)`  task 1, guide 0
    ``initialize`` task 0, guide :math:`\alpha`         task 1, guide 0, with a new optimizer
    ============== ==================================== =======================================

    ``initialize`` is guidance as an initialization: only the weights pass on to the task.

    Attributes
    ----------
    kind
        Of the table.
    weight
        :math:`\alpha \ge 0`.
    until
        :math:`u`, a number of steps, at least 1.

    Raises
    ------
    ValueError
        If the kind is unknown, or a number is out of range, missing or has no effect.

    Examples
    --------
    >>> early = Schedule("disconnect", weight=5.0, until=40)
    >>> early.at(39), early.at(40)
    (Weights(task=1.0, guide=5.0), Weights(task=1.0, guide=0.0))
    """

    kind: ScheduleKind = "constant"
    weight: float = 1.0
    until: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in SCHEDULES:
            raise ValueError(
                f"unknown schedule {self.kind!r}; choose one of {', '.join(SCHEDULES)}"
            )
        if not (math.isfinite(self.weight) and self.weight >= 0):
            raise ValueError(f"weight must be a finite number >= 0, got {self.weight}")
        if self.kind == "constant" and self.until is not None:
            raise ValueError(f"until={self.until} has no effect if constant; leave it out")
        if self.kind != "constant" and (self.until is None or self.until < 1):
            raise ValueError(f"{self.kind!r} needs until, at least 1 step, got {self.until}")
        if self.kind == "initialize" and self.weight == 0:
            raise ValueError("'initialize' with weight 0 would not train at all; give a weight > 0")

    def at(self, step: int) -> Weights:
        """Return the weights of step 0, 1, ..."""
        if self.until is not None and step >= self.until:
            return Weights(1.0, 0.0)
        if self.kind == "decay" and self.until is not None:
            return Weights(1.0, self.weight * (1 - step / self.until))
        return Weights(0.0 if self.kind == "initialize" else 1.0, self.weight)

    def restarts_at(self, step: int) -> bool:
        """Say whether the optimizer begins anew before this step."""
        return self.kind == "initialize" and step == self.until
