"""What is measured of a trained target: accuracy, and how much its layers are like a guide's."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ibcore.guidance.experiments.conditions import Condition
from ibcore.guidance.experiments.networks import correct, outputs
from ibcore.guidance.experiments.room import Options, Room
from ibcore.guidance.guides import Batch
from ibcore.guidance.layers import layer_names
from ibcore.guidance.mapping import Pairs, layer_pairs
from ibcore.guidance.similarity import cka, cka_matrix
from ibcore.guidance.taps import activations
from ibcore.guidance.training import Guided


def accuracies(model: nn.Module, room: Room) -> dict[str, float]:
    """Return accuracy on training and test images, and the mean loss of the latter.

    Examples
    --------
    >>> from ibcore.guidance.experiments.setting import Setting
    >>> room = Room(Setting(), 0, seed=0, device=torch.device("cpu"))
    >>> list(accuracies(room.target, room))
    ['test_accuracy', 'train_accuracy', 'test_loss']
    """
    sets = room.sets
    held, known = outputs(model, sets.test_x), outputs(model, sets.x)
    return {
        "test_accuracy": share(correct(held, sets.test_y)),
        "train_accuracy": share(correct(known, sets.y)),
        "test_loss": functional.cross_entropy(held.double(), sets.test_y).item(),
    }


def share(right: Tensor) -> float:
    """Return the share of True among booleans.

    Examples
    --------
    >>> share(torch.tensor([True, False]))
    0.5
    """
    return right.double().mean().item()


@torch.no_grad()
def pair_similarity(
    model: nn.Module, views: Mapping[str, Tensor], pairs: Pairs, points: Batch
) -> float:
    """Return the mean over pairs of layers of unbiased linear CKA with the views of a guide.

    Examples
    --------
    >>> from ibcore.guidance import PixelGuide
    >>> points = Batch(torch.rand(9, 2), torch.zeros(9), torch.arange(9))
    >>> model = nn.Sequential(nn.Identity())
    >>> round(pair_similarity(model, PixelGuide()(points), [("pixels", "0")], points), 6)
    1.0
    """
    seen = activations(model, points.x, list(dict.fromkeys(name for _, name in pairs)))
    values = [cka(seen[own].flatten(1), views[other].flatten(1)) for other, own in pairs]
    return torch.stack(values).mean().item()


def cnn_similarity(model: nn.Module, room: Room) -> float:
    """Return the similarity on test images to the untrained CNN, at evenly spread layers.

    Examples
    --------
    >>> from ibcore.guidance.experiments.setting import Setting
    >>> room = Room(Setting(), 0, seed=0, device=torch.device("cpu"))
    >>> 0 < cnn_similarity(room.target, room) < 1
    True
    """
    views, points = room.cnn_views, room.new_points
    pairs = layer_pairs(list(views), layer_names(model, points.x))
    return pair_similarity(model, views, pairs, points)


@torch.no_grad()
def layer_table(
    model: nn.Module, views: Mapping[str, Tensor], points: Batch
) -> list[dict[str, Any]]:
    """Return a row with unbiased linear CKA for each layer of the guide and of the target.

    ``mapped`` marks the pairs that are spread evenly.

    Examples
    --------
    >>> from ibcore.guidance import PixelGuide
    >>> points = Batch(torch.rand(9, 2), torch.zeros(9), torch.arange(9))
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))
    >>> [row["mapped"] for row in layer_table(model, PixelGuide()(points), points)]
    [True]
    """
    names = layer_names(model, points.x)
    seen = activations(model, points.x, names)
    table = cka_matrix(
        [view.flatten(1) for view in views.values()], [seen[name].flatten(1) for name in names]
    )
    pairs = layer_pairs(list(views), names)
    return [
        {
            "guide_layer": i + 1,
            "target_layer": j + 1,
            "similarity": table[i, j].item(),
            "mapped": (other, own) in pairs,
        }
        for i, other in enumerate(views)
        for j, own in enumerate(names)
    ]


def result_row(
    room: Room, condition: Condition, guided: Guided, options: Options
) -> dict[str, Any]:
    """Return all that is measured of one target.

    ``guide_similarity`` is that of the compared layers on training images, ``cnn_similarity`` as
    in `cnn_similarity`, ``guide_accuracy`` that of the trained CNN where it guides or teaches.

    Examples
    --------
    >>> from ibcore.guidance.experiments.setting import Setting
    >>> room = Room(Setting(steps=1), 0, seed=0, device=torch.device("cpu"))
    >>> plain = Condition("unguided")
    >>> result_row(room, plain, *room.choose(plain))["guide"]
    'none'
    """
    like, taught = float("nan"), float("nan")
    if condition.guide is not None:
        points = room.known_points
        views = room.guide(condition.guide)(points)
        like = pair_similarity(guided.model, views, guided.pairs, points)
    if condition.distill or condition.guide == "trained CNN":
        reference, sets = room.reference(room.trained), room.sets
        taught = share(
            correct(outputs(room.trained, sets.test_x, reference=reference), sets.test_y)
        )
    return {
        "condition": condition.name,
        "guide": condition.guide or "none",
        **accuracies(guided.model, room),
        "guide_similarity": like,
        "cnn_similarity": cnn_similarity(guided.model, room),
        "guide_accuracy": taught,
        **options._asdict(),
        "steps": condition.steps or room.setting.steps,
        "unlabeled": condition.unlabeled,
    }
