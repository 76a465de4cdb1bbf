"""Stop in time: start no cell that is predicted to end after the limit."""

import bisect
import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ibcore.runs.experiment import plain_fields
from ibcore.runs.prediction import Measurement, check_cost, predict

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
        self._rates = sorted((m.cost, m.seconds / m.cost) for m in self._measured if m.cost)
        self._started = False
        self.needed: float | None = None

    def admit(self, cells: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
        """Yield the cells that are predicted to end in time; the others are left out.

        With a cost model, a cell is as slow for its cost as the measured cells of the next
        smaller and the next larger cost.  Without one, the longest measured cell among those most
        like it stands for it.  Before anything is measured, a cell may start while there is time.
        """
        for key, cell in cells:
            remaining = self._end - time.monotonic()
            if remaining <= self._least:
                self._refuse(self._least)
                return
            if self._fits(cell, remaining):
                self._started, self.needed = True, None
                yield key, cell

    def learn(self, cell: Any, seconds: float) -> None:
        """Take note of a cell that was computed."""
        self._least = min(self._least, seconds) if self._measured else seconds
        self._most = max(self._most, seconds)
        cost = None if self._cost is None else check_cost(self._cost(cell), cell)
        if cost is not None:
            bisect.insort(self._rates, (cost, seconds / cost))
        self._measured.append(Measurement(plain_fields(cell), seconds, cost))

    def _fits(self, cell: Any, remaining: float) -> bool:
        if self._cost is not None:
            needed = self._by_cost(check_cost(self._cost(cell), cell))
        elif self._most < remaining:
            return True
        else:
            prediction = predict(cell, self._measured)
            needed = prediction.high if prediction else 0.0
        if needed < remaining:
            return True
        self._refuse(needed)
        return False

    def _by_cost(self, cost: float) -> float:
        place = bisect.bisect(self._rates, (cost, 0.0))
        neighbors = self._rates[max(place - 1, 0) : place + 1]
        return cost * max((rate for _, rate in neighbors), default=0.0)

    def _refuse(self, seconds: float) -> None:
        if not self._started:
            self.needed = min(seconds, self.needed or seconds)
