"""The explorer of random networks: one network as a picture, its spectrum and its complexity."""

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from ibcore.door import Range, door
from ibcore.explorers.base import GRAYS, Answer, Bounds, Explorer, Poster, StoredFigure, check_names
from ibcore.explorers.portable_random import (
    CENTERS,
    CLOUD_SEEDS,
    GROUP_SPREAD,
    MOST_FEATURES,
    Floats,
    clouds,
    evaluate_drawn,
    shared_batches,
    uniforms,
)
from ibcore.guidance import cka, procrustes, ridge, rsa
from ibcore.memory import DiagonalNet
from ibcore.nets import ACTIVATIONS, MLP, Norm, Residual
from ibcore.redshift import fourier_complexity
from ibcore.redshift.fourier import TRANSFORMS, Transform
from ibcore.runtime import generator
from ibcore.tasks import SparseRegression, sparse_regression

# The complexity of a picture, as a figure shows it.


def complexity_of(values: Floats, transform: Transform = "dct") -> float | None:
    """Return the Fourier complexity of values (n, n); None for a constant, which has none.

    Examples
    --------
    >>> complexity_of(np.ones((4, 4))) is None
    True
    """
    complexity = float(fourier_complexity(torch.from_numpy(values)[None], transform=transform)[0])
    return None if math.isnan(complexity) else complexity


WIDTHS = (8, 16, 32, 64)
SCALES = (0.25, 16.0)
DEPTHS = range(1, 7)
SEEDS = range(32)
GRIDS = (16, 128)
_POSTER_GRID = 64  # a poster is no larger, whatever the grid of the figure


def network_values(params: Mapping[str, Any], points: int) -> Floats:
    """Evaluate the network of a state of the figure: (points, points), ``f(x_i, x_j)``.

    Examples
    --------
    >>> network_values(RandomNetwork().initial(), 16).shape
    (16, 16)
    """
    draw = {name: params[name] for name in ("seed", "weight_scale")}
    architecture = MLP(**{name: value for name, value in params.items() if name not in draw})
    return evaluate_drawn(architecture, points, **draw)


@door
class RandomNetwork(StoredFigure):
    """A random network on the square [-1, 1]^2, with controls for what shapes it.

    The picture, the spectrum and the complexity follow the controls at once.  In the static book
    the browser computes them; with a kernel, ibcore does.  The weights are drawn from ``seed``
    by a generator that both share, so both show the same network, and
    the same seed at another weight scale is the same network scaled.

    Parameters
    ----------
    activation
        One of `ibcore.nets.ACTIVATIONS`.
    weight_scale
        From 0.25 to 16; 1 is Glorot's.
    depth
        Hidden layers, 1 to 6.
    width
        Units in each hidden layer: 8, 16, 32 or 64.
    norm, residual, gated
        The components, as in `ibcore.nets.MLP`.
    seed
        0 to 31.
    grid
        Points along each axis, 16 to 128.  Complexity depends on it: compare at one grid only.

    Raises
    ------
    ValueError
        If a value is outside its range; the message names both.

    Examples
    --------
    >>> figure = RandomNetwork("tanh", weight_scale=4)
    >>> figure.to_html().startswith("<ib-explorer")
    True
    """

    heights = ("1067px", "max(819px, .5238*min(100cqw, 920px) + 429.6px)")

    def __init__(
        self,
        activation: str = "relu",
        *,
        weight_scale: float = 1.0,
        depth: int = 3,
        width: int = 32,
        norm: Norm | None = None,
        residual: Residual | None = None,
        gated: bool = False,
        seed: int = 0,
        grid: Annotated[int, Range(*GRIDS)] = 64,
    ) -> None:
        self.grid = grid
        self._choices = {
            "activation": ACTIVATIONS,
            "weight_scale": Bounds(*SCALES),
            "depth": DEPTHS,
            "width": WIDTHS,
            "norm": (None, "layer"),
            "residual": (None, *get_args(Residual)),
            "gated": (False, True),
            "seed": SEEDS,
        }
        sizes = {"weight_scale": weight_scale, "depth": depth, "width": width}
        components = {"norm": norm, "residual": residual, "gated": gated}
        self._start({}, activation=activation, **sizes, **components, seed=seed)

    def __repr__(self) -> str:
        return f"RandomNetwork({self._describe(self._initial)}, grid {self.grid})"

    def setup(self) -> dict[str, Any]:
        """Return the grid."""
        return {"grid": self.grid}

    def poster(self) -> Poster:
        """Evaluate the network by ibcore and describe what it looks like."""
        values = network_values(self._initial, self.grid)
        complexity = complexity_of(values)
        result = "constant" if complexity is None else f"complexity {complexity:.3f}"
        described = self._describe(self._initial)
        step = -(-self.grid // _POSTER_GRID)
        return Poster(
            values[::step, ::step],
            f"A random network ({described}) as a picture over two inputs from -1 to 1: {result}, "
            f"values from {values.min():.3g} to {values.max():.3g}.",
            f"{described}: {result}. With JavaScript this figure is interactive.",
        )

    def answer(self, params: Mapping[str, Any]) -> Answer:
        """Evaluate the network that the controls ask for.

        Raises
        ------
        ValueError
            If a parameter is unknown, missing or outside its range.
        """
        values = network_values(self._checked(params), self.grid)
        low, high = float(values.min()), float(values.max())
        facts = {"complexity": complexity_of(values), "min": low, "max": high}
        return Answer(facts, values.astype(np.float32).tobytes())

    def _describe(self, p: Mapping[str, Any]) -> str:
        sizes = [f"weight scale {p['weight_scale']:.3g}"]
        sizes += [f"{name} {p[name]}" for name in ("depth", "width")]
        residual = p["residual"] and f"residual {p['residual']}"
        extras = [p["norm"] and "layer norm", residual, p["gated"] and "gated"]
        return ", ".join([p["activation"], *sizes, *filter(None, extras), f"seed {p['seed']}"])


# The explorer of the diagonal net: how decay and noise slide its scale, live in the browser.

BATCHES: tuple[str | int, ...] = ("flow", "all", 5, 1)
DIAGONAL_SCALES = tuple(round(0.03 * 10 ** (k / 12), 4) for k in range(25))  # 0.03 to 3
RATES = (0.002, 0.005, 0.01, 0.02)
DECAYS = (0.0, 0.003, 0.01, 0.03, 0.1)
TIMES = (
    *(0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0),
    *(float(t) for t in range(20, 101, 5)),
)
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


@door
class DiagonalNetwork(StoredFigure):
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

    heights = ("1149px", "808px")

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
        self._choices = {
            "weight_scale": Bounds(DIAGONAL_SCALES[0], DIAGONAL_SCALES[-1]),
            "weight_decay": DECAYS,
            "batch": BATCHES,
            "learning_rate": RATES,
            "label_noise": (False, True),
            "time": TIMES,
            "seed": SEEDS,
        }
        rates = {"weight_decay": weight_decay, "learning_rate": learning_rate}
        noise = {"batch": batch, "label_noise": label_noise}
        self._start({}, weight_scale=weight_scale, **rates, **noise, time=time, seed=seed)
        self.task = explorer_problem(seed)

    def setup(self) -> dict[str, Any]:
        """Return the data, the choices of the controls, the looks and the scales of the curve."""
        return {
            "x": self.task.x.tolist(),
            "y": self.task.y.tolist(),
            "truth": self.task.truth.tolist(),
            "nonzero": int(self.task.truth.count_nonzero()),
            "times": TIMES,
            "curve_scales": _CURVE,
            "choices": {
                "weight_scale": DIAGONAL_SCALES,
                "weight_decay": DECAYS,
                "learning_rate": RATES,
                "batch": BATCHES,
            },
        }

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
        return self._still(
            net.beta.T.numpy(),
            f"The coefficients of a diagonal net ({self._describe(params)}), their number to the "
            "right and time upward",
            result,
            subject=self._describe(params),
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

    def _describe(self, p: Mapping[str, Any]) -> str:
        way = _NAMES.get(p["batch"], f"steps on {p['batch']} of the points")
        noise = ", label noise" if p["label_noise"] and p["batch"] != "flow" else ""
        rate = "" if p["batch"] == "flow" else f", learning rate {p['learning_rate']:.3g}"
        decay = f"decay {p['weight_decay']:.3g}"
        return f"scale {p['weight_scale']:.3g}, {decay}, {way}{rate}{noise}, time {p['time']:.3g}"


# Pictures to start from; the browser draws the same ones.

Preset = Literal["ramp", "wave", "checkerboard", "noise", "digit", "blank"]
PRESETS: tuple[Preset, ...] = get_args(Preset)

SIDE = 64
CYCLES = (0.5, 16.0)

# A five, 16 rows of 16 bits from the top.
DIGIT = (
    *(0x0000, 0x0FF8, 0x0FF8, 0x0C00, 0x0C00, 0x0C00, 0x0FE0, 0x0FF0),
    *(0x0038, 0x0018, 0x0018, 0x0018, 0x0C38, 0x0FF0, 0x07E0, 0x0000),
)


@door
def preset_picture(
    preset: Preset, cycles: Annotated[float, Range(*CYCLES)] = 2.0
) -> NDArray[np.uint8]:
    """Return a picture of 64 x 64 gray levels, rows from the top; ``IBExplorers`` has the same.

    Parameters
    ----------
    preset
        ``"ramp"``: rises from left to right, ``cycles`` times.  ``"wave"``: a sine with
        ``cycles`` periods from left to right.  ``"checkerboard"``: ``2 * cycles`` fields along
        each side.  ``"noise"``: independent uniform values.  ``"digit"``: a five.  ``"blank"``.
    cycles
        From 0.5 to 16; without effect on noise, digit and blank.

    Raises
    ------
    ValueError
        If the preset is unknown or the number of cycles out of range.

    Examples
    --------
    >>> preset_picture("ramp", 1.0)[0, :3].tolist()
    [0, 3, 7]
    """
    place = np.arange(SIDE) / SIDE
    levels: Any = 0  # (64, 64), or one row of it
    if preset == "wave":
        levels = 127.5 + 126 * np.sin(2 * np.pi * cycles * place)
    elif preset == "ramp":
        levels = 255 * (cycles * place % 1)
    elif preset == "checkerboard":
        field = np.floor(2 * cycles * place)
        levels = 255 * ((field[:, None] + field) % 2)
    elif preset == "noise":
        levels = 256 * uniforms(0, SIDE**2).reshape(SIDE, SIDE)
    elif preset == "digit":
        bits = [[word >> (15 - column) & 1 for column in range(16)] for word in DIGIT]
        levels = 255 * np.kron(bits, np.ones((4, 4)))
    return np.broadcast_to(levels, (SIDE, SIDE)).astype(np.uint8)


# The spectrum of a picture that the reader draws or opens, in three transforms.


def decode_picture(text: str) -> NDArray[np.uint8]:
    """Return the picture of 64 x 64 bytes in base64 that the figure sends, rows from the top.

    Raises
    ------
    ValueError
        If the text is not base64 of that many bytes.

    Examples
    --------
    >>> decode_picture(base64.b64encode(bytes(4096)).decode()).shape
    (64, 64)
    """
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError) as error:
        raise ValueError(f"picture must be base64 text, got {text!r:.40}") from error
    if len(content) != SIDE**2:
        raise ValueError(f"picture must hold {SIDE} x {SIDE} bytes, got {len(content)}")
    return np.frombuffer(content, dtype=np.uint8).reshape(SIDE, SIDE)


@door
class ImageSpectrum(Explorer):
    """Draw or open a picture and read its spectrum and complexity in three transforms.

    The picture is 64 x 64 gray levels.  It never leaves the page; with a kernel it goes to the
    reader's own kernel, where ibcore measures it.

    Parameters
    ----------
    preset
        What to start from: ``"ramp"``, ``"wave"``, ``"checkerboard"``, ``"noise"``, ``"digit"``
        or ``"blank"``.
    cycles
        Repetitions of ramp, wave and checkerboard, 0.5 to 16.

    Raises
    ------
    ValueError
        If a value is none of these.

    Examples
    --------
    >>> ImageSpectrum("ramp", cycles=1).to_html().startswith("<ib-explorer")
    True
    """

    heights = ("749px", "947px")

    def __init__(self, preset: Preset = "wave", *, cycles: float = 2.0) -> None:
        preset_picture(preset, cycles)
        self.preset: Preset = preset
        self.cycles = float(cycles)

    def __repr__(self) -> str:
        return f"ImageSpectrum({self.preset}, cycles {self.cycles:.3g})"

    def setup(self) -> dict[str, Any]:
        """Return the size of the picture, the bounds of the cycles and the digit."""
        return {"side": SIDE, "cycles": CYCLES, "digit": DIGIT}

    def initial(self) -> dict[str, Any]:
        """Return the preset that the figure starts from; ``picture`` is empty until it changes."""
        return {"preset": self.preset, "cycles": self.cycles, "picture": ""}

    def poster(self) -> Poster:
        """Return the preset with its three complexities."""
        picture = preset_picture(self.preset, self.cycles)
        facts = self._facts(picture)
        words = ", ".join(
            f"{name} {'none' if facts[name] is None else format(facts[name], '.3f')}"
            for name in TRANSFORMS
        )
        return Poster(
            picture[::-1].T.astype(np.float64),  # x to the right, y upward
            f"A picture ({self.preset}) of 64 by 64 gray levels. Complexity by transform: {words}.",
            f"{self.preset}, complexity by transform: {words}. With JavaScript you can draw here.",
            GRAYS,
        )

    def answer(self, params: Mapping[str, Any]) -> Answer:
        """Measure the picture by ibcore.

        Raises
        ------
        ValueError
            If a parameter is unknown or missing, or the picture cannot be read.
        """
        check_names(params, self.initial())
        text = params["picture"]
        preset = preset_picture(params["preset"], params["cycles"])
        picture = decode_picture(text) if text else preset
        return Answer(self._facts(picture), (picture / 255).astype(np.float32).tobytes())

    def _facts(self, picture: NDArray[np.uint8]) -> dict[str, float | None]:
        return {name: complexity_of(picture / 255, name) for name in TRANSFORMS}


# The explorer of similarity: two clouds of points and the measures that react to their changes.

CHOICES: dict[str, tuple[float, ...]] = {
    "rotation": tuple(range(-180, 181, 15)),
    "scale": (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0),
    "stretch": (1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0),
    "shear": (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0),
    "blur": (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0),
    "noise": (0, 1, 2, 5, 10, 20, 50, 100, MOST_FEATURES),
    "points": (10, 15, 20, 30, 40, 60),
}
PENALTY = 1e-3  # of the ridge regression, and its folds: the defaults of `ibcore.guidance.ridge`
FOLDS = 5
MEASURES = ("biased", "unbiased", "rbf", "rsa", "procrustes", "ridge")


def similarities(x: Floats, y: Floats) -> dict[str, float]:
    """Return all measures of the figure for features (n, p) and (n, q), by name.

    Linear CKA ``biased`` and ``unbiased``, unbiased ``rbf`` CKA, ``rsa`` (Pearson's correlation
    of distances), ``procrustes``, and ``ridge``: the held-out share of y that is read from x.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(20, 2))
    >>> {name: round(value, 3) for name, value in similarities(x, -2 * x).items()}["unbiased"]
    1.0
    """
    a, b = torch.from_numpy(x), torch.from_numpy(y)
    values = (
        cka(a, b, unbiased=False),
        cka(a, b),
        cka(a, b, kernel="rbf"),
        rsa(a, b),
        procrustes(a, b),
        ridge(a, b, penalty=PENALTY, folds=FOLDS),
    )
    return {name: value.item() for name, value in zip(MEASURES, values, strict=True)}


@door
class SimilarityPlayground(StoredFigure):
    r"""Two clouds of points, and what six measures of similarity say of them.

    The second cloud is the first one rotated, scaled, stretched, sheared and blurred; both may get
    features of pure noise of their own.  Bars show linear CKA without and with the correction of
    its bias, RBF CKA, RSA, Procrustes and ridge regression, and which of them the last change has
    moved.  The browser computes all of them; with a kernel, `ibcore.guidance` does.

    Parameters
    ----------
    rotation
        Degrees, a multiple of 15 from -180 to 180.
    scale
        0.25 to 4, as in ``CHOICES``; of all features of the second cloud.
    stretch, shear
        Factor of the first coordinate, 1 to 8, and how much of the second is added to it, 0 to 3.
    blur
        Standard deviation of the noise on each coordinate, 0 to 5.
    noise
        How many features of pure noise each cloud gets, 0 to 200.
    points
        10 to 60.
    seed
        0 to 31, of all draws.

    Raises
    ------
    ValueError
        If a value is none of these.

    Examples
    --------
    >>> figure = SimilarityPlayground(stretch=3)
    >>> facts = figure.answer(figure.initial()).facts
    >>> facts["unbiased"] < 0.95, facts["ridge"] > 0.999
    (True, True)
    """

    heights = ("clamp(774px, 774px + 999*(350px - 100cqw), 787px)", "703px")

    def __init__(
        self,
        *,
        rotation: int = 30,
        scale: float = 1.0,
        stretch: float = 1.0,
        shear: float = 0.0,
        blur: float = 0.0,
        noise: int = 0,
        points: int = 40,
        seed: int = 0,
    ) -> None:
        self._choices = {**CHOICES, "seed": SEEDS}
        plane = {"rotation": rotation, "scale": scale, "stretch": stretch, "shear": shear}
        self._start({}, **plane, blur=blur, noise=noise, points=points, seed=seed)

    def setup(self) -> dict[str, Any]:
        """Return the choices of the controls, how points are drawn, and the order of the folds."""
        orders = {
            str(n): torch.randperm(int(n), generator=generator(0)).tolist()
            for n in CHOICES["points"]
        }
        return {
            "choices": CHOICES,
            "seeds": len(SEEDS),
            "centers": CENTERS,
            "spread": GROUP_SPREAD,
            "features": MOST_FEATURES,
            "streams": CLOUD_SEEDS,
            "penalty": PENALTY,
            "folds": FOLDS,
            "orders": orders,
        }

    def poster(self) -> Poster:
        """Return the distances in the second cloud as a picture, and the measures in words."""
        x, y = clouds(self._initial)
        order = np.argsort(np.arange(len(y)) % len(CENTERS), kind="stable")
        points = y[order]
        distances = np.sqrt(((points[:, None] - points) ** 2).sum(-1))  # (n, n)
        found = ", ".join(f"{name} {value:.3f}" for name, value in similarities(x, y).items())
        return self._still(
            distances,
            f"Distances between the points of a cloud that is a changed copy of another "
            f"({self._describe(self._initial)}); the similarity of both by six measures",
            found,
        )

    def answer(self, params: Mapping[str, Any]) -> Answer:
        """Return the measures, by name; the frame holds the plane of the second cloud, (n, 2).

        Raises
        ------
        ValueError
            If a parameter is unknown, missing or none that a control can send.
        """
        x, y = clouds(self._checked(params))
        return Answer(similarities(x, y), y[:, :2].astype(np.float32).tobytes())

    def _describe(self, p: Mapping[str, Any]) -> str:
        plane = f"rotated by {p['rotation']} degrees, scaled by {p['scale']:g}"
        bent = f"stretched by {p['stretch']:g}, sheared by {p['shear']:g}, blurred by {p['blur']:g}"
        return f"{p['points']} points, {plane}, {bent}, {p['noise']} features of noise"
