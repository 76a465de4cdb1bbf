"""One network on moved digits: its architecture, its start, its guide and its training."""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from ibcore.guidance import activations, cka
from ibcore.memory import cosine, repeat_members, weight_norm
from ibcore.metainit import MetaLearner
from ibcore.nets import ConvNet
from ibcore.population import Population, member_seed
from ibcore.redshift import fourier_complexity
from ibcore.runs.experiment import Cell, Experiment, design
from ibcore.runtime import generator
from ibcore.synthesis.digits import CANVAS, TURNS, WAYS, DigitFamily, DigitTask
from ibcore.synthesis.training import (
    TappedMLP,
    centered_gram,
    dissimilarity,
    half_life,
    population_of,
    train,
)
from ibcore.training import OptimizerConfig

# Networks, guides and starts.

ARCHITECTURES = {"relu": ("relu", math.sqrt(2)), "tanh": ("tanh", 1.0), "sine": ("sine", 3.0)}
LAYERS = ("convs.0", "convs.1", "features")  # of a guide, beside the three hidden layers
UNTRAINED, TRAINED = (64, 64, 128), (24, 24, 48)  # channels


def draw_network(
    architecture: str, seed: int, *, width: int, scale: float | None = None
) -> Population:
    """Return one network with hidden weights of variance gain^2/inputs, the last of 1/inputs."""
    activation, usual = ARCHITECTURES[architecture]
    net = TappedMLP(CANVAS**2, WAYS, depth=3, width=width, activation=activation)
    drawn = Population.sample(
        net, networks=1, seed=seed, prior="gaussian", scaling="fan_in", bias_scale=0.0,
        dtype=torch.float32,
    )  # fmt: skip
    gain = usual if scale is None else scale
    hidden = {f"layers.{layer}.weight" for layer in range(3)}
    return Population(net, {n: p * gain if n in hidden else p for n, p in drawn.parameters.items()})


@lru_cache(maxsize=2)
def draw_guide(seed: int, kind: str, steps: int) -> ConvNet:
    """Return a convolutional network, untrained or trained on the 40 classes of the family."""
    channels = TRAINED if kind == "trained" else UNTRAINED
    net = ConvNet(1, WAYS * TURNS, channels=channels, image_size=CANVAS, seed=seed)
    if kind == "trained":
        x, y = DigitFamily(seed).images(64 * steps, seed=member_seed(seed, 2))
        done = Population.from_modules([net]).train(
            as_images(x), y, loss="cross_entropy", steps=steps, batch_size=64,
            learning_rate=3e-3, seed=seed,
        )  # fmt: skip
        net.load_state_dict({n: p[0] for n, p in done.population.parameters.items()})
    return net.float()


def as_images(x: Tensor) -> Tensor:
    """Return pixels (n, 100) as images (n, 1, 10, 10)."""
    return x.unflatten(1, (1, CANVAS, CANVAS))  # type: ignore[no-any-return, no-untyped-call]


def features(guide: ConvNet, x: Tensor) -> list[Tensor]:
    """Return what three layers of a guide hold, each (n, p)."""
    with torch.no_grad():
        return [h.flatten(1) for h in activations(guide, as_images(x), LAYERS).values()]


def grams(guide: ConvNet, x: Tensor) -> list[Tensor]:
    """Return the centered Gram matrices of the three layers, each (1, n, n), of norm one."""
    whole = [centered_gram(h)[None] for h in features(guide, x)]
    return [gram / gram.norm() for gram in whole]


def centered(gram: Tensor) -> Tensor:
    """Return Gram matrices (m, n, n) of features whose mean over the points is taken away."""
    rows = gram - gram.mean(2, keepdim=True)
    return rows - rows.mean(1, keepdim=True)


def guide_first(cell: Cell, start: Population) -> Population:
    """Return a start that an untrained guide has shaped on images of the family, without labels."""
    guide = draw_guide(cell["seed"], "untrained", 0)
    net, steps = start.architecture, cell["first"]["steps"]

    def losses(step: int, parameters: Mapping[str, Tensor]) -> Tensor:
        batch = DigitFamily(cell["seed"]).images(75, seed=member_seed(cell["seed"], 1000 + step))[0]
        hidden = net.layers_of(parameters, batch[None])[1]  # type: ignore[operator]
        return dissimilarity(hidden, grams(guide, batch))

    return train(start, losses, steps=steps, method=OptimizerConfig("adam", learning_rate=1e-3))


def learn_start(cell: Cell, start: Population) -> Population:
    """Return the start that second-order MAML learns on tasks of the family."""
    family, meta, seed = DigitFamily(cell["seed"]), cell["meta"], cell["seed"]
    rate = 0.1 if cell["architecture"] != "sine" else 0.025
    learner = MetaLearner(
        start.architecture, params={n: p[0] for n, p in start.parameters.items()}, rate=rate,
        rates="fixed", inner_steps=3, loss="cross_entropy",
    )  # fmt: skip

    def draw(step: int) -> Any:
        parts = family.episodes(4, 10, 5, seed=member_seed(seed, 2_000_000 + step))
        return (parts[0], parts[1]), (parts[2], parts[3])

    for steps, outer in meta:
        learner.fit(draw, steps=steps, learning_rate=outer, weight_decay=0.0, clip=10.0)
    return Population(start.architecture, {n: p[None] for n, p in learner.start.params.items()})


# Training: many arms at once on the task of one seed, each with its guide.

TRAINING: dict[str, dict[str, Any]] = {
    "sgd": {"optimizer": "sgd", "learning_rate": 0.1},
    "decay": {"optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 0.03},
    "smoothing": {"optimizer": "sgd", "learning_rate": 0.1, "smoothing": 0.3},
    "anchored": {"optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 0.03, "anchored": 1.0},
    "adam": {"optimizer": "adam", "learning_rate": 1e-3},
    "adamw": {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 3.0},
}


def of_training(name: str, architecture: str) -> dict[str, Any]:
    """Return the options of one way to train; sine descends a quarter as fast on the same clock."""
    usual = {"weight_decay": 0.0, "smoothing": 0.0, "anchored": 0.0, **TRAINING[name]}
    quarter = 0.25 if architecture == "sine" and usual["optimizer"] == "sgd" else 1.0
    rate, decay = usual["learning_rate"], usual["weight_decay"]
    return {**usual, "learning_rate": rate * quarter, "weight_decay": decay / quarter}


class Arms:
    """Arms with one optimizer: their losses on the task, beside unlabeled images for the guide."""

    def __init__(
        self, task: DigitTask, starts: Population, arms: Sequence[Mapping[str, Any]],
        guides: Mapping[str, ConvNet], seed: int,
    ) -> None:  # fmt: skip
        self.task, self.starts, self.seed = task, starts, seed
        self.net = starts.architecture
        self.smoothing = self.of(arms, "smoothing")[:, None]
        self.method = OptimizerConfig(
            arms[0]["optimizer"],
            learning_rate=self.of(arms, "learning_rate"),
            weight_decay=self.of(arms, "weight_decay"),
        )
        self.anchored = self.of(arms, "anchored")
        self.weights = torch.tensor([float(arm["guide"] != "none") for arm in arms])
        points = torch.cat([task.x, task.unlabeled])
        tables = {name: grams(guide, points) for name, guide in guides.items()}
        blank = [torch.eye(len(points))[None]] * len(LAYERS)  # met with weight zero
        each = [tables.get(arm["guide"], blank) for arm in arms]
        self.grams = [torch.cat(layer) for layer in zip(*each, strict=True)]  # (m, n, n)
        self.points = points

    @staticmethod
    def of(arms: Sequence[Mapping[str, Any]], name: str) -> Tensor:
        """Return one number of each arm."""
        return torch.tensor([float(arm[name]) for arm in arms])

    def each(self, x: Tensor) -> Tensor:
        """Return inputs (n, 100) for every network, (m, n, 100)."""
        return x.expand(len(self.starts), -1, -1)

    def losses(self, step: int, parameters: Mapping[str, Tensor], unlabeled: int = 40) -> Tensor:
        """Return cross-entropy, smoothed, plus what the guide asks for, (m,)."""
        labeled, guided = len(self.task.y), bool(self.weights.any())
        rows = torch.arange(labeled)
        if guided:
            rng = generator(member_seed(self.seed, 3_000_000 + step))
            more = torch.randperm(len(self.task.unlabeled), generator=rng)[:unlabeled]
            rows = torch.cat([rows, labeled + more])
        out, hidden = self.net.layers_of(parameters, self.each(self.points[rows]))  # type: ignore[operator]
        logs = functional.log_softmax(out[:, :labeled], -1)  # (m, 50, 5)
        right = logs.gather(2, self.task.y.expand(len(logs), -1)[..., None]).mean((1, 2))
        loss = -(1 - self.smoothing[:, 0]) * right - self.smoothing[:, 0] * logs.mean((1, 2))
        if guided:
            seen = [centered(g[:, rows][:, :, rows]) for g in self.grams]
            loss = loss + self.weights * dissimilarity(hidden, seen)
        return loss

    def run(self, steps: int, checkpoints: Sequence[int], until: int | None = None) -> pd.DataFrame:
        """Train; return one row for each arm and checkpoint, and keep the ``last`` networks."""
        rows: list[dict[str, Any]] = []
        given = self.weights

        def note(step: int, networks: Population) -> None:
            rows.extend(
                {"arm": arm, "step": step, **row} for arm, row in enumerate(self.scores(networks))
            )

        def losses(step: int, parameters: Mapping[str, Tensor]) -> Tensor:
            self.weights = given if until is None or step < until else torch.zeros_like(given)
            return self.losses(step, parameters)

        self.last = train(
            self.starts, losses, steps=steps, method=self.method, anchored=self.anchored,
            checkpoints=checkpoints, on_checkpoint=note,
        )  # fmt: skip
        return pd.DataFrame(rows)

    def scores(self, networks: Population) -> list[dict[str, float]]:
        """Return accuracies, the norm and the share of the start of each network."""
        forward, parameters = self.net.forward_stacked, networks.parameters
        right = {
            "accuracy": forward(parameters, self.each(self.task.test_x)).argmax(-1)  # type: ignore[operator]
            == self.task.test_y,
            "train_accuracy": forward(parameters, self.each(self.task.x)).argmax(-1) == self.task.y,  # type: ignore[operator]
        }
        table = {name: value.double().mean(1) for name, value in right.items()}
        table |= {"start_cosine": cosine(networks, self.starts), "norm": weight_norm(networks)}
        columns = {name: value.tolist() for name, value in table.items()}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def gauges(arms: Arms, seed: int, guide: ConvNet) -> dict[str, list[float]]:
    """Return complexity, likeness to the trained guide and few-step accuracy of the last networks.

    Complexity: of the first output over the plane through three test images.  Likeness: mean
    linear CKA of the three layers on test images.  Few steps: new digits told by the nearest
    class mean of ten labeled images in the last hidden layer.
    """
    net, parameters, task = arms.net, arms.last.parameters, arms.task
    side = torch.linspace(-0.5, 1.5, 32)
    a, b, c = task.test_x[:3]
    plane = a + side[:, None, None] * (b - a) + side[:, None] * (c - a)  # (32, 32, 100)
    with torch.no_grad():
        values = net.forward_stacked(parameters, arms.each(plane.flatten(0, 1)))[  # type: ignore[operator]
            ..., 0
        ]  # (m, 1024)
        hidden = net.layers_of(parameters, arms.each(task.test_x))[1]  # type: ignore[operator]
        known = net.layers_of(parameters, arms.each(task.x))[1][-1]  # type: ignore[operator]
    theirs = features(guide, task.test_x)
    alike = [
        np.mean([float(cka(h[m], g)) for h, g in zip(hidden, theirs, strict=True)])
        for m in range(len(values))
    ]
    means = torch.stack([known[:, task.y == way].mean(1) for way in range(WAYS)], 1)  # (m, 5, w)
    near = torch.cdist(hidden[-1], means).argmin(-1) == task.test_y
    return {
        "complexity": fourier_complexity(values.double().unflatten(1, (32, 32))).tolist(),
        "similarity": alike,
        "few_steps": near.double().mean(1).tolist(),
    }


def with_clock(
    frame: pd.DataFrame, arms: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> pd.DataFrame:
    """Return rows with the named settings of their arms, the clock, and which are the last."""
    numbers = frame.arm.to_numpy()
    told = {name: [arms[number][name] for number in numbers] for name in names}
    rate, decay = (
        np.array([arms[n][k] for n in numbers]) for k in ("learning_rate", "weight_decay")
    )
    clock = 2 * rate * decay * frame.step
    return frame.drop(columns="arm").assign(
        **told, learning_rate=rate, weight_decay=decay, clock=clock,
        final=frame.step == frame.step.max(),
    )  # fmt: skip


# The factorial design: every start, guide and training of one architecture in each cell.

STARTS, GUIDES = ("random", "guided", "learned"), ("none", "untrained", "trained")
FACTORS = ("start", "guide", "training")


def _run_instruments(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Return one row for each arm and checkpoint; the gauges stand on the last rows."""
    seed, architecture = cell["seed"], cell["architecture"]
    random = draw_network(architecture, seed, width=cell["width"])
    starts = {
        "random": random,
        "guided": guide_first(cell, random),
        "learned": learn_start(cell, random),
    }
    guides = {kind: draw_guide(seed, kind, cell["guide_steps"]) for kind in GUIDES[1:]}
    task, frames = DigitFamily(seed).task(), []
    for optimizer in ("sgd", "adam", "adamw"):
        arms = [
            {**dict(zip(FACTORS, names, strict=True)), **of_training(names[2], architecture)}
            for names in product(STARTS, GUIDES, cell["training"])
            if TRAINING[names[2]]["optimizer"] == optimizer
        ]
        stacked = population_of(
            random.architecture,  # type: ignore[arg-type]
            *(starts[arm["start"]].parameters for arm in arms),
        )
        several = Arms(task, stacked, arms, guides, seed)
        frame = with_clock(several.run(cell["steps"], cell["looks"]), arms, FACTORS)
        last = gauges(several, seed, guides["trained"])
        for name, values in last.items():
            frame.loc[frame.final, name] = values
        frames.append(frame)
    return pd.concat(frames).assign(seed=seed, architecture=architecture)


# How long a guide's gift lasts after it has gone.

RELEASE = ("sgd", "decay", "anchored", "adam", "adamw")


def _run_release(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Return one row for each guide, way to train on and checkpoint after its release."""
    seed, task = cell["seed"], DigitFamily(cell["seed"]).task()
    random = draw_network("relu", seed, width=cell["width"])
    guides = {kind: draw_guide(seed, kind, cell["guide_steps"]) for kind in GUIDES[1:]}
    adam = of_training("adam", "relu")
    first = [{**adam, "guide": name} for name in GUIDES]
    early = Arms(task, repeat_members(random, len(first)), first, guides, seed)
    early.run(cell["guided"], ())
    frames = []
    for optimizer in ("sgd", "adam", "adamw"):
        arms = [
            {**of_training(name, "relu"), "was": guide, "training": name, "guide": "none"}
            for name in cell["training"]
            if TRAINING[name]["optimizer"] == optimizer
            for guide in GUIDES
        ]
        stacked = population_of(random.architecture, *[early.last.parameters] * (len(arms) // 3))  # type: ignore[arg-type]
        later = Arms(task, stacked, arms, guides, seed)
        frames.append(
            with_clock(later.run(cell["steps"], cell["looks"]), arms, ("was", "training"))
        )
    return pd.concat(frames).rename(columns={"was": "guide"}).assign(seed=seed)


def _run_until(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Return one row for each step at which the trained guide leaves, after all steps."""
    seed, task, frames = cell["seed"], DigitFamily(cell["seed"]).task(), []
    random = draw_network("relu", seed, width=cell["width"])
    guides = {"trained": draw_guide(seed, "trained", cell["guide_steps"])}
    for until in cell["until"]:
        arms = [{**of_training("adam", "relu"), "guide": "trained"}]
        one = Arms(task, random, arms, guides, seed)
        frame = one.run(cell["steps"], (until, cell["steps"]), until)
        at = frame[frame.step == until].train_accuracy.to_list()
        frames.append(frame[frame.step == cell["steps"]].assign(until=until, fitted=at[:1]))
    return pd.concat(frames).drop(columns="arm").assign(seed=seed)  # type: ignore[no-any-return]


# A complex architecture under decay: when is the accuracy half-way to its best?


def _run_scales(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Return one row for each scale and checkpoint; ``half_clock``, as predicted, on the last."""
    seed, task = cell["seed"], DigitFamily(cell["seed"]).task()
    option = {"optimizer": "sgd", "learning_rate": 0.05, "smoothing": 0.0, "anchored": 0.0}
    arms = [
        {**option, "weight_decay": decay, "guide": "none", "scale": scale}
        for scale, decay in product(cell["scales"], (0.0, 0.06))
    ]
    drawn = [draw_network("sine", seed, width=cell["width"], scale=arm["scale"]) for arm in arms]
    stacked = population_of(drawn[0].architecture, *(one.parameters for one in drawn))  # type: ignore[arg-type]
    frame = with_clock(
        Arms(task, stacked, arms, {}, seed).run(cell["steps"], cell["looks"]), arms, ("scale",)
    )
    for (scale, decay), part in frame.groupby(["scale", "weight_decay"]):
        if decay > 0:  # type: ignore[operator]
            rise = part.accuracy.max() - part.accuracy.to_numpy()
            last = part.index[-1]
            rises = rise[0] > 0
            when = half_life(part.clock, np.maximum(rise, 0.0)) if rises else math.nan
            frame.loc[last, "half_clock"] = when
            frame.loc[last, "predicted"] = 2 * math.log(scale / 1.5)  # type: ignore[operator]
    return frame.assign(seed=seed)


LAPTOP: dict[str, Any] = {"width": 100, "guide_steps": 250}
SMOKE: dict[str, Any] = {"width": 24, "guide_steps": 10}
TINY: dict[str, Any] = {"meta": ((2, 3e-3),), "first": {"steps": 2}}
FACTORIAL: dict[str, Any] = {
    "training": ("sgd", "decay", "smoothing", "adam", "adamw"),
    "steps": 400,
    "looks": (0, 5, 10, 20, 40, 80, 140, 220, 300, 400),
    "meta": ((200, 3e-3), (50, 1e-3)),
    "first": {"steps": 150},
}
AFTER: dict[str, Any] = {
    "training": RELEASE,
    "guided": 300,
    "steps": 800,
    "looks": (0, 10, 20, 40, 80, 120, 160, 200, 240, 320, 400, 560, 800),
}
SCALES: dict[str, Any] = {"scales": (2.0, 3.0, 4.0, 6.0), "steps": 1000}
EVERY = tuple(range(0, 1001, 25))

# Shown in: instruments, "Result 1", "Result 2" and "Result 3"; crossings, "Start × guide",
# "Architecture × start" and "Architecture × guide"; explorers SynthesisBoard, GuidedStep; claims
# synthesis.guide-alone, start-alone,
# untrained-alone, decay-alone, smoothing-alone, sine-alone, tanh-like-relu, sine-learned,
# sine-guide, sine-key, key-opens-guide, same-knowledge, eraser, guide-under-decay,
# guided-is-not-learned, smoothing-beside-guide, adam-spoils, decay-simplifies, few-steps,
# overlap-untrained, overlap-alike, overlap-tanh, tanh-learned, sine-learned-decay,
# sine-untrained-decay, guide-complexity.
INSTRUMENTS = Experiment(
    "synthesis.instruments",
    "Do architecture, start, guide and training add up, replace or undo one another?",
    {
        "smoke": design(
            {"seed": (0,), "architecture": ("relu", "sine", "tanh")}, **SMOKE,
            **{**FACTORIAL, "steps": 6, "looks": (0, 6), **TINY},
        ),
        "laptop": design(
            {"seed": range(20), "architecture": ("relu", "sine", "tanh")}, **FACTORIAL, **LAPTOP
        ),
    },
    _run_instruments,
)  # fmt: skip

# Shown in: crossings, "Guide × training"; claims synthesis.release-gain, release-plain,
# release-anchored, release-decay, release-half-life, release-untrained, release-untrained-decay,
# release-adamw, release-adam.
RELEASED = Experiment(
    "synthesis.release",
    "How long does a guide's gain last after its release, and which training keeps it?",
    {
        "smoke": design(
            {"seed": range(2)}, **SMOKE, **{**AFTER, "guided": 5, "looks": (0, 240, 320, 800)}
        ),
        "laptop": design({"seed": range(20)}, **AFTER, **LAPTOP),
    },
    _run_release,
)

# Shown in: crossings, "Guide × training"; claims synthesis.release-early, release-late.
UNTIL = Experiment(
    "synthesis.release-step",
    "How long must a guide stay?",
    {
        "smoke": design({"seed": range(2)}, **SMOKE, until=(5, 20, 320, 480), steps=480),
        "laptop": design({"seed": range(20)}, **LAPTOP, until=(5, 20, 80, 320, 480), steps=480),
    },
    _run_until,
)

# Shown in: crossings, "Architecture × training"; claims synthesis.half-way-4, half-way-6,
# half-way-2, half-way-order, scale-decay.
SCALE_CLOCK = Experiment(
    "synthesis.scale-clock",
    "At which time on the clock has decay undone a complex architecture?",
    {
        "smoke": design(
            {"seed": range(2)}, width=24, **{**SCALES, "steps": 500}, looks=tuple(range(0, 501, 50))
        ),
        "laptop": design({"seed": range(20)}, width=100, **SCALES, looks=EVERY),
    },
    _run_scales,
)
