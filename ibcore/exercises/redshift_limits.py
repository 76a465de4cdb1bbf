"""Exercises of the chapter `redshift/limits`: the ruler, the scaling and the yardstick."""

import math

import torch
from torch import Tensor

from ibcore.exercises.checking import Exercise, Number, Values, Wrong

_SIZES = (32, 128)
_QUANTILE = 1.959963984540054  # of the normal distribution, two-sided 95 %


def _plain_fourier() -> tuple[Tensor, Tensor]:
    """Return the plain Fourier complexity of ramp and noise, in closed form, with tolerances.

    The transform of a ramp along one axis has amplitudes 1 / sin(pi k / n); that of white noise
    is flat on average.
    """
    rows = torch.tensor([[_ramp(n) for n in _SIZES], [_noise(n) for n in _SIZES]])
    return rows.double(), torch.tensor([[0.002], [0.02]]).double().expand(2, 2)


def _ramp(n: int) -> float:
    k = torch.arange(1, n, dtype=torch.float64)
    amplitude, frequency = 1 / torch.sin(torch.pi * k / n), torch.minimum(k, n - k)
    return float((amplitude * frequency).sum() / amplitude.sum()) / (n / 2 * math.sqrt(2))


def _noise(n: int) -> float:
    k = torch.fft.fftfreq(n, dtype=torch.float64) * n
    radius = torch.hypot(k[:, None], k)
    return float(radius.sum() / (n**2 - 1) / radius.max())


def _table(transform: str = "fft", end: str = "") -> str:
    """Return code that measures both images; the options make the usual mistakes."""
    return f"""\
import torch

from ibcore.redshift import fourier_complexity
from ibcore.runtime import generator
from ibcore.tasks import grid


def complexity(image):
    return fourier_complexity(image[None], transform="{transform}").item()


def noise(n):
    return torch.randn(n, n, generator=generator(5, "cpu"), dtype=torch.float64)


ramps = [complexity(grid(n)[:, 0].reshape(n, n)) for n in {_SIZES}]
noises = [complexity(noise(n)) for n in {_SIZES}]
answer = torch.tensor([ramps, noises]){end}"""


_WIDTHS = """\
import torch

from ibcore import MLP, Population, fourier_complexity
from ibcore.tasks import grid

x = torch.cat([grid(64), torch.zeros(64 * 64, 1, dtype=torch.float64)], dim=1)  # third input 0


def complexity(width):
    net = MLP(3, 1, depth=3, width=width, activation="tanh")
    drawn = Population.sample(net, networks=8, seed=1, weight_scale=8.0, scaling="glorot")
    return fourier_complexity(drawn.forward(x).reshape(-1, 64, 64)).mean().item()


answer = complexity(256) / complexity(8)"""

EXERCISES = (
    Exercise(
        id="redshift.limits.1",
        title="Ramp and noise on two grids",
        kind="warm-up",
        stub="answer = ...  # [[ramp at 32, ramp at 128], [noise at 32, noise at 128]]",
        solution=_table(),
        grader=Values(_plain_fourier),
        wrong=(
            Wrong(
                _table("dct"),
                "These are values of the cosine transform. The plain Fourier transform is "
                'transform="fft".',
            ),
            Wrong(
                _table("hann"),
                "The border is faded out here; the plain Fourier transform keeps it.",
            ),
            Wrong(_table(end=".T"), "Put the images in the rows and the grids in the columns."),
        ),
        hint="One row for the ramp, one for noise, each with the plain Fourier complexity at 32 "
        "and at 128 points.",
    ),
    Exercise(
        id="redshift.limits.2",
        title="Width with three inputs",
        kind="core",
        stub="# 20 tanh networks of depth 3, weight scale 8, Glorot scaling, grid of 64, third "
        "input 0\n"
        "answer = ...  # mean complexity at width 256, divided by that at width 8",
        solution=_WIDTHS,
        # Over seeds 0 to 3 and 20 networks on a grid of 64: 0.485 to 0.502.
        grader=Number(0.49, within=0.12),
        wrong=(
            Wrong(
                "answer = 1 / 0.49",
                "This is the inverse: divide the wide network's complexity by the narrow one's.",
            ),
            Wrong(
                "answer = 0.93",
                "This is what fan-in scaling gives; the question is about Glorot scaling.",
            ),
            Wrong(
                "answer = ((3 + 8) / (3 + 256)) ** 0.5",
                "This is the factor by which the weights of the first layer shrink. Measure what "
                "that does to the complexity.",
            ),
        ),
        hint="The first layer's scale is √(6/(3 + n)): the law of the chapter, with a slightly "
        "larger constant. Average over at least 12 networks.",
    ),
    Exercise(
        id="redshift.limits.3",
        title="No hit in ten thousand",
        kind="theory",
        stub="answer = ...  # upper end of the 95 % interval for 0 hits in 10,000 samples",
        solution="""\
from ibcore.stats import wilson_interval

answer = wilson_interval(0, 10_000).high""",
        grader=Number(_QUANTILE**2 / (10_000 + _QUANTILE**2), within=0.05),
        wrong=(
            Wrong("answer = 0.0", "No hit does not mean no chance."),
            Wrong(
                "answer = 1 / 10_000",
                "A rate of one in 10,000 gives no hit in more than a third of all such runs, so "
                "the interval reaches farther.",
            ),
            Wrong(
                "answer = 3 / 10_000",
                "The rule of three bounds the rate on one side only. The interval has two sides, "
                "so its end lies farther out.",
            ),
        ),
        hint="Use ibcore.stats.wilson_interval and take its upper end.",
    ),
)
