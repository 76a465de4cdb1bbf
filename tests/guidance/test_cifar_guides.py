"""Guides on small pictures: random whitened patches, what ridge regression reads, what counts."""

import pandas as pd
import torch
from torch.nn import functional

from ibcore.guidance.experiments.cifar import (
    ARMS,
    CIFAR,
    SMALL,
    PatchGuide,
    PictureTrial,
    run_cifar,
    tell,
)
from ibcore.guidance.guides import Batch, PixelGuide

CPU = torch.device("cpu")


def run(**changes: object) -> pd.DataFrame:
    return run_cifar({**next(iter(CIFAR.plan("smoke").values())), **changes}, CPU)


def test_a_patch_answers_as_the_formula_says() -> None:
    x = torch.rand(30, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    guide = PatchGuide(x, filters=4, size=3)
    seen = guide(Batch(x[:1], x[:1], torch.arange(1)))["patches"].reshape(8, 2, 2)
    quarter = x[0, :, :5, 5 - 2 :]  # 3 x 3 of its 6 x 6 places
    places = [quarter[:, i : i + 3, j : j + 3].flatten() for i in range(3) for j in range(3)]
    z = torch.stack(places) @ guide.kernels.flatten(1).T + guide.offsets
    expected = [functional.relu(sign * z - 0.5).mean(0) for sign in (1, -1)]
    torch.testing.assert_close(seen[:, 0, 1], torch.cat(expected))


def test_the_answers_of_patches_are_whitened() -> None:
    x = torch.rand(500, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 9
    x[:, :, :, 1:] += 3 * x[:, :, :, :-1]  # neighbors are alike
    guide = PatchGuide(x, filters=60, size=2)
    patches = x.unfold(2, 2, 1).unfold(3, 2, 1).permute(0, 2, 3, 1, 4, 5).flatten(0, 2).flatten(1)
    answers = patches @ guide.kernels.flatten(1).T + guide.offsets
    assert (answers.std(0) - 1).abs().max() < 0.15 < patches.std(0).min()


def test_ridge_regression_reads_a_guide_on_new_pictures() -> None:
    trial = PictureTrial(SMALL, 0, CPU)
    assert trial.known("pixels")[1] > 0.9  # one pattern for each class, and as much noise
    own = trial.known("labels")
    assert pd.isna(own[1]) and own[0].table["labels"].shape == (200, 10)


def test_what_is_told_of_large_layers_is_four_by_four() -> None:
    class Large:
        fixed = True

        def __call__(self, batch: Batch) -> dict[str, torch.Tensor]:
            return {"map": batch.x.expand(-1, 2, 8, 8), "small": batch.x.expand(-1, 3, 2, 2)}

    told = tell(Large(), torch.ones(7, 1, 1, 1), torch.zeros(7))
    assert [view.shape[1] for view in told.values()] == [2 * 16, 3 * 4]


def test_runs_are_chosen_on_validation_pictures_at_the_last_look() -> None:
    found = run(rates=(1e-3, 1e-2, 3e-2))
    last = found[found.final]
    best = last.loc[last.validation_accuracy.idxmax()]
    assert found[found.chosen].learning_rate.unique().tolist() == [best.learning_rate]
    assert found[found.chosen].step.tolist() == list(SMALL.looks)
    stopped = found[found.stopped]
    assert len(stopped) == 1
    assert stopped.validation_accuracy.item() == found.validation_accuracy.max()


def test_every_arm_of_a_network_trains_another_target() -> None:
    losses = [run(**{**arm, "rates": (1e-3,)}).test_loss.iloc[-1] for arm in ARMS]
    assert len(set(losses)) == len(ARMS)


def test_a_guide_and_the_target_come_nearer() -> None:
    trial = PictureTrial(SMALL, 0, CPU)
    own = trial.known("pixels")[0]
    assert torch.equal(own.table["pixels"], tell(PixelGuide(), trial.x, trial.y)["pixels"])
    gaps = [run(guide=name).gap.iloc[-1] for name in ("none", "pixels")]
    assert pd.isna(gaps[0]) and 0 < gaps[1] < 0.5
