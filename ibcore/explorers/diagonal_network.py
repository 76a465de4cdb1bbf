"""The explorer of the diagonal net: how decay and noise slide its scale, live in the browser."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ibcore.explorers.base import Answer, Explorer
from ibcore.explorers.checks import check_among, check_names, check_number, check_whole
from ibcore.explorers.diagonal_draws import shared_batches
from ibcore.explorers.draw import Poster
from ibcore.memory import DiagonalNet
from ibcore.tasks import SparseRegression, sparse_regression

BATCHES: tuple[str | int, ...] = ("flow", "all", 5, 1)
SCALES = tuple(round(0.03 * 10 ** (k / 12), 4) for k in range(25))  # 0.03 to 3
RATES = (0.002, 0.005, 0.01, 0.02)
DECAYS = (0.0, 0.003, 0.01, 0.03, 0.1)
TIMES = (
    *(0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0),
    *(float(t) for t in range(20, 101, 5)),
)
SEEDS = (0, 31)
_CURVE = (*(round(10 ** (k / 14 - 3), 6) for k in range(49)), 3.0)  # 0.001 to 3
_DIGITS = 3  # of the data in the page; both sides use the rounded numbers
_NAMES = {"flow": "gradient flow", "all": "steps on all points"}


def explorer_problem(seed: int) -> SparseRegression:
    """Return the regression problem of the figure, its numbers rounded for the page.

    Examples
    --------
    >>> explorer_problem(0).x.shape
    torch.Size([20, 40])
    """
    task = sparse_regression(seed=seed)
    x = task.x.round(decimals=_DIGITS)
    return SparseRegression(x, (x @ task.truth).round(decimals=_DIGITS), task.truth)


class DiagonalNetwork(Explorer):
    r"""The diagonal net :math:`\beta = p^2 - q^2` on sparse regression, trained as the reader says.

    The chart shows the excess risk that gradient flow reaches from each initial scale, and where
    the run stands: weight decay and the noise of steps slide its effective scale to the left
    along that curve.  A gauge adds up what both have done.  The browser trains the net (with a
    kernel, ibcore does) on the same data, and with the same draws of points and label noise.

    Parameters
    ----------
    weight_scale
        :math:`\alpha`, from 0.03 to 3.
    weight_decay
        :math:`\lambda`: 0, 0.003, 0.01, 0.03 or 0.1.
    batch
        What each step sees: ``"flow"`` for infinitely small steps, ``"all"``, 5 or 1 points.
    learning_rate
        :math:`\eta` of steps: 0.002, 0.005, 0.01 or 0.02.
    label_noise
        Whether labels get fresh noise of standard deviation 1 at each step.
    time
        Flow time, or learning rate times steps; one of `TIMES`, up to 100.
    seed
        0 to 31, of the problem and of all draws.

    Raises
    ------
    ValueError
        If a value is none of these.

    Examples
    --------
    >>> figure = DiagonalNetwork(1.0, weight_decay=0.03)
    >>> figure.to_html().startswith("<ib-explorer")
    True
    """

    kind: ClassVar[str] = "DiagonalNetwork"
    heights = ("1373px", "808px")

    def __init__(
        self,
        weight_scale: float = 1.0,
        *,
        weight_decay: float = 0.03,
        batch: str | int = "flow",
        learning_rate: float = 0.005,
        label_noise: bool = False,
        time: float = 60.0,
        seed: int = 0,
    ) -> None:
        self._initial = self._checked(
            {
                "weight_scale": weight_scale,
                "weight_decay": weight_decay,
                "batch": batch,
                "learning_rate": learning_rate,
                "label_noise": label_noise,
                "time": time,
                "seed": seed,
            }
        )
        self.task = explorer_problem(seed)

    def __repr__(self) -> str:
        return f"DiagonalNetwork({_describe(self._initial)})"

    def setup(self) -> dict[str, Any]:
        """Return the data, the choices of the controls, the looks and the scales of the curve."""
        return {
            "x": self.task.x.tolist(),
            "y": self.task.y.tolist(),
            "truth": self.task.truth.tolist(),
            "nonzero": int(self.task.truth.count_nonzero()),
            "times": list(TIMES),
            "curve_scales": list(_CURVE),
            "choices": {
                "weight_scale": list(SCALES),
                "weight_decay": list(DECAYS),
                "learning_rate": list(RATES),
                "batch": list(BATCHES),
            },
        }

    def initial(self) -> dict[str, Any]:
        """Return the settings that the figure starts from and Reset goes back to."""
        return dict(self._initial)

    def poster(self) -> Poster:
        """Return the coefficients over time as a picture, and the result in words."""
        params = {**self._initial, "batch": "flow"}  # a long run of steps is left to the reader
        times = np.linspace(0, params["time"], len(self.task.truth)).tolist()
        net = self._flow(params, times, tolerance=1e-5)  # far below what the picture shows
        last = self._facts(net[-1], params)
        result = (
            f"effective scale {last['effective_scale']:.3g} of initially "
            f"{params['weight_scale']:.3g}, excess risk {last['excess_risk']:.3f}"
        )
        return Poster(
            net.beta.T.numpy(),
            f"The coefficients of a diagonal net ({_describe(params)}), their number to the right "
            f"and time upward: {result}.",
            f"{_describe(params)}: {result}. With JavaScript this figure is interactive.",
        )

    def answer(self, params: Mapping[str, Any]) -> Answer:
        """Train the net that the controls ask for; the frame holds its coefficients.

        Raises
        ------
        ValueError
            If a parameter is unknown, missing or none that a control can send.
        """
        p = self._checked(params)
        try:
            net = self._flow(p, [p["time"]])[0] if p["batch"] == "flow" else self._descend(p)
        except FloatingPointError:
            return Answer({"diverged": True}, bytes(4 * len(self.task.truth)))
        frame = net.beta.numpy().astype(np.float32).tobytes()
        return Answer({"diverged": False, **self._facts(net, p)}, frame)

    def _flow(
        self, p: Mapping[str, Any], times: Sequence[float], *, tolerance: float = 1e-7
    ) -> DiagonalNet:
        start = DiagonalNet.start(p["weight_scale"], features=len(self.task.truth))
        data = (self.task.x, self.task.y)
        decay = p["weight_decay"]
        return start.flow(*data, time=list(times), weight_decay=decay, tolerance=tolerance)

    def _descend(self, p: Mapping[str, Any]) -> DiagonalNet:
        batches = shared_batches(
            self.task.x,
            self.task.y,
            steps=round(p["time"] / p["learning_rate"]),
            batch_size=None if p["batch"] == "all" else p["batch"],
            label_noise=float(p["label_noise"]),
            seed=p["seed"],
        )
        start = DiagonalNet.start(p["weight_scale"], features=len(self.task.truth))
        rates = {"learning_rate": p["learning_rate"], "weight_decay": p["weight_decay"]}
        return start.descend(batches, **rates)

    def _facts(self, net: DiagonalNet, p: Mapping[str, Any]) -> dict[str, float]:
        """Return scale, risk, train error, and what decay and noise have added to the clock."""
        rate, decay, time = p["learning_rate"], p["weight_decay"], p["time"]
        steps = round(time / rate)
        flow = p["batch"] == "flow"
        explicit = 2 * decay * time if flow else -2 * steps * math.log(1 - rate * decay)
        scale = float(net.mean_scale)
        return {
            "effective_scale": scale,
            "excess_risk": float(self.task.excess_risk(net.beta)),
            "train_error": 2 * float(net.loss(self.task.x, self.task.y)),
            "explicit": explicit,
            "noise": 2 * math.log(p["weight_scale"] / scale) - explicit,
        }

    @staticmethod
    def _checked(params: Mapping[str, Any]) -> dict[str, Any]:
        names = ("weight_scale", "weight_decay", "batch", "learning_rate", "label_noise")
        check_names(params, (*names, "time", "seed"))
        numbers = ("weight_scale", "weight_decay", "learning_rate", "time")
        checked = {k: float(v) if k in numbers and type(v) is int else v for k, v in params.items()}
        check_number("weight_scale", checked["weight_scale"], (SCALES[0], SCALES[-1]))
        check_among("weight_decay", checked["weight_decay"], DECAYS)
        check_among("batch", checked["batch"], BATCHES)
        check_among("learning_rate", checked["learning_rate"], RATES)
        check_among("label_noise", checked["label_noise"], (False, True))
        check_among("time", checked["time"], TIMES)
        check_whole("seed", checked["seed"], SEEDS)
        return checked


def _describe(p: Mapping[str, Any]) -> str:
    way = _NAMES.get(p["batch"], f"steps on {p['batch']} of the points")
    noise = ", label noise" if p["label_noise"] and p["batch"] != "flow" else ""
    rate = "" if p["batch"] == "flow" else f", learning rate {p['learning_rate']:.3g}"
    decay = f"decay {p['weight_decay']:.3g}"
    return f"scale {p['weight_scale']:.3g}, {decay}, {way}{rate}{noise}, time {p['time']:.3g}"
