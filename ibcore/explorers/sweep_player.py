"""The player of sweeps over initial scales: what training keeps of the scale, look by look."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ibcore.explorers.base import Answer, Explorer
from ibcore.explorers.checks import check_among, check_names, check_whole
from ibcore.explorers.draw import Poster, square
from ibcore.explorers.stored import source_of
from ibcore.explorers.sweep_numbers import page_numbers, read_sweep, spread_at
from ibcore.explorers.sweep_trial import train_trial, trial_setting
from ibcore.memory.forgetting import GATE
from ibcore.runs import load

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("pipeline", "weight_scale", "step", "run")
RUNS = (0, 99)  # 0: nothing is trained; else the number of the trial
LARGEST = 140_000  # characters of the numbers in a page


class SweepPlayer(Explorer):
    """Initialization memory, look by look: accuracy over the initial scale and over time.

    The reader chooses a training pipeline, an initial scale and a time, or lets time run.  Shown
    are the accuracy at every scale, the accuracy of the chosen scale over time, the accumulated
    weight decay beside norm and angle of the weights, and the spread of test accuracy over
    scales with its gate.  With a kernel, a button trains two pipelines on digits afresh.

    Parameters
    ----------
    pipeline, weight_scale, step
        What to start from; by default the first pipeline, the largest scale and the last look.
    frame
        A tidy sweep as `ibcore.memory.sweep_table` makes it, with a look at step 0; of several
        splits of the data split 0 is shown.  By default ``ibcore.runs.load("memory.pipelines")``.

    Raises
    ------
    FileNotFoundError
        If no frame is given and none is stored; the message names the command that computes it.
    ValueError
        If a value is not in the frame, the frame lacks a column or a combination, or its numbers
        are too many for a page.

    Examples
    --------
    >>> import pandas as pd
    >>> from ibcore.explorers.sweep_numbers import MEASURES
    >>> rates = {"optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 0.0, "momentum": 0.0}
    >>> rows = {"pipeline": "SGD", **rates, "step": 0, "weight_scale": [1.0, 8.0], "network": 0}
    >>> frame = pd.DataFrame({**rows, **dict.fromkeys(MEASURES, 1.0), "explicit_clock": 0.0})
    >>> SweepPlayer(frame=frame)
    SweepPlayer(SGD, initial scale 8, step 0)
    """

    kind: ClassVar[str] = "SweepPlayer"
    heights = (
        "1500px",
        "clamp(826px, 826px + 999*(782px - 100cqw), 846px)",
    )

    def __init__(
        self,
        pipeline: str | None = None,
        *,
        weight_scale: float | None = None,
        step: int | None = None,
        frame: "pd.DataFrame | None" = None,
    ) -> None:
        data = load("memory.pipelines") if frame is None else frame
        self.source = source_of(data)
        self._sweep = read_sweep(data)
        self._numbers = page_numbers(self._sweep)
        self._trials: dict[int, dict[str, Any]] = {}
        self._check_size()
        start = (pipeline, weight_scale, step)
        usual = (self._sweep.names[0], self._sweep.scales[-1], self._sweep.steps[-1])
        chosen = [d if value is None else value for value, d in zip(start, usual, strict=True)]
        self._initial = self._checked(dict(zip(KEYS, (*chosen, 0), strict=True)))

    def __repr__(self) -> str:
        return f"SweepPlayer({self._describe(self._initial)})"

    def setup(self) -> dict[str, Any]:
        """Return the axes of the sweep, its numbers and what a trial with a kernel trains."""
        return {
            "pipelines": self._sweep.pipelines,
            "scales": self._sweep.scales,
            "steps": self._sweep.steps,
            "networks": self._sweep.networks,
            "gate": GATE,
            "numbers": self._numbers,
            "trial": trial_setting(self._sweep),
            "source": self.source,
        }

    def initial(self) -> dict[str, Any]:
        """Return the pipeline, scale and look that the figure starts from; run 0: no trial."""
        return dict(self._initial)

    def poster(self) -> Poster:
        """Return the test accuracy of the first pipeline over looks and scales as a picture."""
        p = self._initial
        look, scales = self._look(p), self._sweep.scales
        number = self._sweep.names.index(p["pipeline"])
        means = self._sweep.measures["test_accuracy"][number].mean(axis=2)  # (looks, scales)
        first, last = (
            f"{100 * means[look, at]:.1f} % at scale {scales[at]:.3g}"
            for at in (0, len(scales) - 1)
        )
        points = spread_at(self._sweep, number, look)["value"]
        found = f"after {p['step']:,} steps {first} and {last}, a spread of {points:.1f} points"
        return Poster(
            square(means),
            f"Test accuracy of networks trained by {p['pipeline']}, time to the right and initial "
            f"scale upward: {found}.",
            f"{p['pipeline']}: {found}. With JavaScript this figure is interactive.",
        )

    def answer(self, params: Mapping[str, Any]) -> Answer:
        """Return the spread of the look, its mean test accuracies, and the trial that is asked for.

        Facts: ``value``, ``low``, ``high``, ``least`` and ``verdict`` of the spread, and
        ``trial``: None for run 0, else what `ibcore.explorers.sweep_trial.train_trial` found with
        seed ``run``, or ``{"error": ...}`` if it could not train.  The frame holds the mean
        test accuracy at each scale.  A trial is trained once.

        Raises
        ------
        ValueError
            If a parameter is unknown, missing or not among those of the sweep.
        """
        p = self._checked(params)
        number, look = self._sweep.names.index(p["pipeline"]), self._look(p)
        means = self._sweep.measures["test_accuracy"][number, look].mean(axis=1)  # (scales,)
        facts = {**spread_at(self._sweep, number, look), "trial": self._trial(p["run"])}
        return Answer(facts, means.astype(np.float32).tobytes())

    def _trial(self, run: int) -> dict[str, Any] | None:
        if run == 0:
            return None
        if run not in self._trials:
            try:
                self._trials[run] = train_trial(run)
            except (ImportError, FloatingPointError, RuntimeError) as error:  # said in the figure
                return {"run": run, "error": str(error)}
        return {"run": run, **self._trials[run]}

    def _look(self, params: Mapping[str, Any]) -> int:
        return self._sweep.steps.index(params["step"])

    def _describe(self, p: Mapping[str, Any]) -> str:
        return f"{p['pipeline']}, initial scale {p['weight_scale']:.3g}, step {p['step']}"

    def _checked(self, params: Mapping[str, Any]) -> dict[str, Any]:
        check_names(params, KEYS)
        scale = params["weight_scale"]
        checked = {**params, "weight_scale": float(scale) if isinstance(scale, int) else scale}
        check_among("pipeline", checked["pipeline"], self._sweep.names)
        check_among("weight_scale", checked["weight_scale"], self._sweep.scales)
        check_among("step", checked["step"], self._sweep.steps)
        check_whole("run", checked["run"], RUNS)
        return checked

    def _check_size(self) -> None:
        size = len(json.dumps(self._numbers, separators=(",", ":")))
        if size > LARGEST:
            raise ValueError(
                f"the numbers of {len(self._sweep.names)} pipelines, {len(self._sweep.steps)} "
                f"looks and {len(self._sweep.scales)} scales take {size} characters, more than "
                f"{LARGEST}; select fewer of them"
            )
