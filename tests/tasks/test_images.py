"""Digits and colored digits: what predicts what, in each of the three sets."""

import pytest
import torch
from sklearn.datasets import load_digits

from ibcore.tasks import colored_digits, digits


def test_digits_are_those_of_scikit_learn_scaled_to_one_and_copies():
    images, labels = digits(dtype=torch.float32)
    torch.testing.assert_close(images, torch.tensor(load_digits().images / 16).float())
    assert labels.tolist() == load_digits().target.tolist()
    images.zero_()
    assert digits().images.max() == 1


def correlation(a, b):
    return torch.corrcoef(torch.stack([a, b]))[0, 1].item()


@pytest.mark.parametrize("band", [1, 3])
def test_color_is_the_label_in_training_and_one_of_two_signals_in_the_tests(band):
    data = colored_digits(band=band, seed=3)
    color = {name: getattr(data, name).x[:, 64] for name in ("train", "test_digit", "test_color")}
    assert torch.equal(color["train"], data.train.y[:, 0])
    assert torch.equal(color["test_color"], data.test_color.y[:, 0])
    chance = 3 / len(data.test_digit.y) ** 0.5  # three standard errors of a correlation of 0
    assert abs(correlation(color["test_digit"], data.test_digit.y[:, 0])) < chance
    for points in (data.train, data.test_digit, data.test_color):
        assert points.x.shape[1] == 64 + band
        assert bool((points.x[:, 64:] == points.x[:, 64:65]).all())


def rows(points):
    return {tuple(row) for row in points.x[:, :64].tolist()}


def test_the_images_predict_the_digit_and_no_test_image_was_seen_in_training():
    data = colored_digits(seed=1)
    images, labels = digits()
    known = {tuple(i): d for i, d in zip(images.flatten(1).tolist(), labels.tolist(), strict=True)}
    for points in (data.train, data.test_digit):
        found = [known[tuple(row)] / 9 for row in points.x[:, :64].tolist()]
        torch.testing.assert_close(torch.tensor(found, dtype=torch.float64), points.y[:, 0])
    assert rows(data.test_digit) == rows(data.test_color)
    assert not rows(data.train) & rows(data.test_digit)


def test_seeds_decide_and_the_global_random_state_is_left_alone():
    before = torch.get_rng_state()
    first, again, other = (colored_digits(seed=seed).train.x for seed in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_bad_sizes_and_a_missing_library_are_named(monkeypatch):
    with pytest.raises(ValueError, match=r"train must be .* at most 1795, got 1796"):
        colored_digits(train=1796)
    from ibcore.tasks import images

    def missing(name):
        raise ImportError(name)

    images._load.cache_clear()
    monkeypatch.setattr(images, "import_module", missing)
    with pytest.raises(ImportError, match="pip install scikit-learn"):
        digits()
