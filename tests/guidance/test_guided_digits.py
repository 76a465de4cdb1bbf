"""A wide perceptron on moved digits learns from an untrained convolutional network, as claimed."""

from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from ibcore.guidance import (
    Alignment,
    NetworkGuide,
    NoiseGuide,
    Schedule,
    ScrambledGuide,
    activations,
    cka,
    guide,
    redraw,
)
from ibcore.tasks import digits

SEEDS, LABELED, WEIGHT = range(5), 300, 5.0

pytestmark = pytest.mark.slow


@cache
def moved_digits(seed):
    """Digits of 8 by 8 at random places on a canvas of 12 by 12: training and test points."""
    rng = torch.Generator().manual_seed(seed)
    images, labels = digits(dtype=torch.float32)
    canvas, places = (
        torch.zeros(len(images), 1, 12, 12),
        torch.randint(0, 5, (len(images), 2), generator=rng),
    )
    for index, (down, across) in enumerate(places.tolist()):
        canvas[index, 0, down : down + 8, across : across + 8] = images[index]
    order = torch.randperm(len(images), generator=rng)
    known, held = order[:LABELED], order[1100:]
    return canvas[known], labels[known], canvas[held], labels[held]


def perceptron(seed):
    return redraw(
        nn.Sequential(
            nn.Flatten(),
            *(nn.Linear(144, 512), nn.ReLU()),
            *(nn.Linear(512, 512), nn.ReLU()),
            *(nn.Linear(512, 512), nn.ReLU()),
            nn.Linear(512, 10),
        ),
        seed,
    )


def convolutional(seed):
    return redraw(
        nn.Sequential(
            *(nn.Conv2d(1, 128, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(128, 128, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(128, 256, 3, padding=1), nn.ReLU()),
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 10)),
        ),
        200 + seed,
    )


@cache
def trained(name, seed):
    x, y, _, _ = moved_digits(seed)
    watcher = {
        "unguided": lambda: None,
        "untrained": lambda: NetworkGuide(convolutional(seed)),
        "early": lambda: NetworkGuide(convolutional(seed)),
        "scrambled": lambda: ScrambledGuide(NetworkGuide(convolutional(seed))),
        "noise": lambda: NoiseGuide(LABELED, seed=seed),
    }[name]()
    schedule = Schedule(weight=WEIGHT)
    if name == "early":
        schedule = Schedule("disconnect", WEIGHT, until=40)
    return guide(
        perceptron(seed),
        watcher,
        x,
        y,
        steps=200,
        batch_size=150,
        seed=seed,
        schedule=None if watcher is None else schedule,
        alignment=Alignment(),
    ).model


def accuracy(name):
    shares = []
    for seed in SEEDS:
        _, _, x, y = moved_digits(seed)
        shares.append((trained(name, seed)(x).argmax(1) == y).double().mean().item())
    return np.array(shares)


def test_an_untrained_convolutional_guide_helps_at_every_seed():
    gain = accuracy("untrained") - accuracy("unguided")
    assert gain.mean() > 0.02
    assert (gain > 0).all()


def test_it_helps_more_than_with_scrambled_pixels_and_noise_harms():
    assert (accuracy("untrained") - accuracy("scrambled")).mean() > 0
    assert (accuracy("noise") - accuracy("unguided")).mean() < -0.02


def test_an_early_disconnect_leaves_the_target_more_like_the_guide_than_without():
    for seed in SEEDS:
        _, _, x, _ = moved_digits(seed)
        seen = activations(convolutional(seed), x, ["5"])["5"].flatten(1)
        like = {
            name: cka(activations(trained(name, seed), x, ["3"])["3"], seen).item()
            for name in ("unguided", "early", "untrained")
        }
        assert like["unguided"] < like["early"] < like["untrained"]
