"""Exercises of the chapter `redshift/idea`: the complexity of random networks."""

import math

import torch
from torch import Tensor

from ibcore.exercises.checking import Call, Choice, Exercise, Function, Law, Number, Wrong
from ibcore.runtime import generator

_MEASURE = """\
from ibcore import fourier_complexity, sample_functions


def mean(*args, **options):
    return fourier_complexity(sample_functions(*args, networks=4, grid=32, **options)).mean().item()

"""
_MEDIAN = '''\
import torch


def median_frequency(image):
    """Return the radius below which half of the amplitude lies, as a share of the largest radius.

    The image has shape (64, 64); the constant does not count.
    """
'''
_MEDIAN_STUB = f"{_MEDIAN}    return ..."


def _median(
    *, amplitude: str = "abs()", first: int = 1, by: str = "radius", end: str = "/ radius.max()"
) -> str:
    """Return code that finds the median; the options make the usual mistakes."""
    return f"""{_MEDIAN}\
    k = torch.arange(64, dtype=torch.float64)
    cosines = torch.cos(torch.pi / 64 * (k + 0.5) * k[:, None])  # (frequency, point)
    cosines[0] /= 2**0.5
    amplitude = (cosines @ image @ cosines.T).{amplitude}.flatten()[{first}:]
    radius = torch.hypot(k[:, None], k).flatten()[{first}:]
    order = {by}.argsort()
    share = amplitude[order].cumsum(0) / amplitude.sum()
    return (radius[order][torch.searchsorted(share, 0.5)] {end}).item()"""


def _reference(image: Tensor) -> float:
    """Return the median frequency by bisection over the distinct radii, without a sort by value."""
    k = torch.arange(len(image), dtype=torch.float64)
    cosines = torch.cos(torch.pi / len(k) * (k + 0.5) * k[:, None])
    cosines[0] /= math.sqrt(2)
    amplitude = (cosines @ image @ cosines.T).abs()
    amplitude[0, 0] = 0
    radius = torch.hypot(k[:, None], k)
    low, high = 0.0, float(radius.max())
    for _ in range(60):
        middle = (low + high) / 2
        enough = amplitude[radius <= middle].sum() >= amplitude.sum() / 2
        low, high = (low, middle) if enough else (middle, high)
    return high / float(radius.max())


def _images() -> list[tuple[Tensor]]:
    """Return white noise, smoothed noise and noise on a large constant, each of shape (64, 64)."""
    rng = generator(20, "cpu")
    noise = torch.randn(3, 64, 64, generator=rng, dtype=torch.float64)
    smooth = noise[1].cumsum(0).cumsum(1)
    return [(noise[0],), (smooth,), (noise[2] + 40.0,)]


def _ignores_scale(function: Call) -> bool:
    (image,) = _images()[1]
    return math.isclose(function(3 * image.clone()), function(image), rel_tol=1e-9)


def _finds_a_wave(function: Call) -> bool:
    points = torch.arange(64, dtype=torch.float64) + 0.5
    wave = torch.cos(torch.pi / 64 * 12 * points).expand(64, 64).contiguous()
    return math.isclose(function(wave), 12 / (63 * math.sqrt(2)), rel_tol=1e-6)


EXERCISES = (
    Exercise(
        id="redshift.idea.1",
        title="The complexity of one wave",
        kind="warm-up",
        stub="answer = ...  # the complexity of the wave, to three digits",
        solution="""\
import torch

from ibcore.redshift import fourier_complexity
from ibcore.tasks import grid

wave = torch.cos(10 * torch.pi * grid(64, nodes="cell")[:, 0]).reshape(1, 64, 64)
answer = fourier_complexity(wave).item()""",
        grader=Number(20 / (63 * math.sqrt(2)), within=0.005),
        wrong=(
            Wrong(
                "answer = 10 / (63 * 2**0.5)",
                "You count whole periods. The cosine transform counts half periods.",
            ),
            Wrong(
                "answer = 5 / (63 * 2**0.5)",
                "You count periods per unit of length. The grid reaches from -1 to 1, and the "
                "cosine transform counts half periods over all of it.",
            ),
            Wrong(
                "answer = 20 / 63",
                "The largest frequency of an image lies in the corner of its spectrum, not at "
                "the end of one axis.",
            ),
            Wrong(
                "answer = 10 / (32 * 2**0.5)",
                "The plain Fourier transform gives this, whose frequencies end at half the "
                "number of points. The cosine transform has as many frequencies as points, and "
                "the first is 0. (If you rounded, give three digits.)",
            ),
        ),
        hint="One coefficient of the cosine transform holds all the amplitude. How many half "
        "periods has its wave along each axis? Divide its radius by the largest one.",
    ),
    Exercise(
        id="redshift.idea.2",
        title="The switch that makes ReLU complex",
        kind="warm-up",
        stub='answer = ...  # "depth", "norm", "residual" or "gated"',
        solution=f"""{_MEASURE}
options = {{
    "depth": {{"depth": 12}},
    "norm": {{"depth": 6, "norm": "layer"}},
    "residual": {{"depth": 6, "residual": "paper"}},
    "gated": {{"depth": 6, "gated": True}},
}}
tanh = mean("tanh", 6, weight_scale=16.0)
distance = {{
    name: abs(mean("relu", weight_scale=16.0, **chosen) - tanh) for name, chosen in options.items()
}}
answer = min(distance, key=distance.get)""",
        grader=Choice("gated", options=("depth", "norm", "residual", "gated")),
        wrong=(
            Wrong(
                'answer = "depth"',
                "Depth moves ReLU a little, but nowhere near tanh; try the components.",
            ),
            Wrong(
                'answer = "norm"',
                "Layer norm raises a deep ReLU network by less than half; tanh is several times "
                "as complex.",
            ),
            Wrong(
                'answer = "residual"',
                "It lowers the complexity of a deep ReLU network: part of the signal passes by "
                "the activations.",
            ),
        ),
        hint="Change one option of sample_functions at a time and compare with tanh.",
    ),
    Exercise(
        id="redshift.idea.3",
        title="When width has no effect",
        kind="core",
        stub="# The scaling under which width hardly matters:\n"
        'answer = ...  # "glorot", "fan_in", "both" or "neither"',
        solution=f"""{_MEASURE}
def ratio(scaling, weight_scale):
    widths = (8, 256)
    narrow, wide = (
        mean("tanh", width=w, weight_scale=weight_scale, scaling=scaling) for w in widths
    )
    return wide / narrow


flat = [name for name, a in (("glorot", 8.0), ("fan_in", 4.0)) if 0.75 < ratio(name, a) < 1.33]
answer = {{0: "neither", 1: flat[0] if flat else "", 2: "both"}}[len(flat)]""",
        grader=Choice("fan_in", options=("glorot", "fan_in", "both", "neither")),
        wrong=(
            Wrong(
                'answer = "glorot"',
                "Look at the first layer, which has two inputs: by what are its weights "
                "multiplied as the width grows?",
            ),
            Wrong(
                'answer = "both"',
                "Compare widths 8 and 256 again: in one of the two cases the complexity falls "
                "to about half.",
            ),
            Wrong(
                'answer = "neither"',
                "A change by about a tenth is next to no effect beside the factor of two that "
                "the other scaling shows.",
            ),
        ),
        hint="Measure both scalings at widths 8 and 256 and compare the two ratios.",
    ),
    Exercise(
        id="redshift.idea.4",
        title="The median frequency",
        kind="core",
        variable="median_frequency",
        stub=_MEDIAN_STUB,
        solution=_median(),
        grader=Function(
            _reference,
            _images,
            laws=(
                Law(_ignores_scale, "The value changes when the image is multiplied by 3."),
                Law(_finds_a_wave, "A single wave has one frequency, and the value is not that."),
            ),
            reveals=("cumsum", "searchsorted"),
        ),
        wrong=(
            Wrong(
                _median(amplitude="square()"),
                "This weights by power, the square of the amplitude, which crowds near 0.",
            ),
            Wrong(
                _median(end=""),
                "This is a radius; divide it by the largest one, as the complexity does.",
            ),
            Wrong(
                _median(first=0),
                "The constant takes part here; leave the frequency 0 out, as the complexity does.",
            ),
            Wrong(
                _median(by="amplitude"),
                "The coefficients are ordered by their amplitude; order them by frequency.",
            ),
            Wrong(
                f"""{_MEDIAN}\
    from ibcore import fourier_complexity

    return fourier_complexity(image[None]).item()""",
                "This is the mean frequency; the median is asked.",
            ),
        ),
        hint="Order the coefficients by radius and find where the running sum of their "
        "amplitudes reaches half of the total.",
    ),
)
