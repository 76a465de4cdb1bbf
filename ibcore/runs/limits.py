"""Stop in time: start no cell that is predicted to end after the limit."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ibcore.runs.experiment import plain_fields
from ibcore.runs.prediction import Measurement, predict

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_TIME = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smh])")


class TimeLimitError(RuntimeError):
    """A run stopped at its time limit; what is finished is kept.

    ``needed`` is the predicted time in seconds of the shortest cell that was not started, where
    no cell at all was; a run that is given less never ends.
    """

    needed: float | None = None


def parse_time(text: str) -> float:
    """Return the seconds of a time such as ``540s``, ``9m`` or ``1.5h``.

    Raises
    ------
    ValueError
        If the text has another form or the time is zero.

    Examples
    --------
    >>> parse_time("1.5h")
    5400.0
    """
    match = _TIME.fullmatch(text.strip())
    if not match or float(match[1]) == 0:
        raise ValueError(
            f"time limit {text!r} is not a time above zero such as 540s, 9m or 1.5h "
            "(seconds, minutes, hours)"
        )
    return float(match[1]) * _UNITS[match[2]]


class TimeLimit:
    """Decides which cells may start.

    Parameters
    ----------
    seconds
        The limit, from now on.
    measured
        Cells of the same kind that were computed before, on the same kind of device.
    cost
        The cost model of the experiment, if it has one.
    """

    def __init__(
        self,
        seconds: float,
        measured: Iterable[Measurement] = (),
        cost: Callable[[Any], float] | None = None,
    ) -> None:
        self._end = time.monotonic() + seconds
        self._measured, self._cost = list(measured), cost
        known = [entry.seconds for entry in self._measured]
        self._least, self._most = min(known, default=0.0), max(known, default=0.0)
        self._started = False
        self.needed: float | None = None

    def admit(self, cells: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
        """Yield the cells that are predicted to end in time; the others are left out.

        The longest measured cell among those most like it stands for a cell.  Before anything
        is measured, a cell may start as long as there is time.
        """
        for key, cell in cells:
            remaining = self._end - time.monotonic()
            if remaining <= self._least:
                self._refuse(self._least)
                return
            if self._most < remaining or self._fits(cell, remaining):
                self._started, self.needed = True, None
                yield key, cell

    def learn(self, cell: Any, seconds: float) -> None:
        """Take note of a cell that was computed."""
        cost = None if self._cost is None else self._cost(cell)
        self._least = min(self._least, seconds) if self._measured else seconds
        self._most = max(self._most, seconds)
        self._measured.append(Measurement(plain_fields(cell), seconds, cost))

    def _fits(self, cell: Any, remaining: float) -> bool:
        prediction = predict(cell, self._measured, self._cost)
        if prediction is None or prediction.high < remaining:
            return True
        self._refuse(prediction.high)
        return False

    def _refuse(self, seconds: float) -> None:
        if not self._started:
            self.needed = min(seconds, self.needed or seconds)
