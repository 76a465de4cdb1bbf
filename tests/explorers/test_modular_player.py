"""The player of modular addition without a browser: its data, its errors, its answers."""

import numpy as np
import pytest

from ibcore.explorers import ModularPlayer, complexity_map
from ibcore.explorers.stored import fit_pictures, pack_pictures, quantize
from ibcore.runs import load
from ibcore.stats import mean_interval
from ibcore.tasks import modular_labels


@pytest.fixture(scope="module")
def figure(modular_frames):
    return ModularPlayer(**modular_frames)


def test_it_starts_from_the_first_activation_at_prefactor_one_and_the_largest_modulus(figure):
    assert figure.initial() == {"activation": "relu", "prefactor": 1.0, "modulus": 10}


def test_curves_hold_mean_interval_and_number(figure, modular_frames):
    chosen = modular_frames["curves"].query(
        "activation == 'sine' and modulus == 7 and prefactor == 2"
    )
    at, train, test = figure.setup()["curves"]["sine"]["7"][2]
    assert at == 2.0
    for found, column in ((train, "train_accuracy"), (test, "test_accuracy")):
        expected = mean_interval(chosen[column])
        assert found == pytest.approx((expected.value, expected.low, expected.high, 5), abs=1e-4)


def test_one_network_has_a_mean_and_no_interval(modular_frames):
    single = modular_frames["curves"].query("network == 0")
    figure = ModularPlayer(curves=single, pictures=modular_frames["pictures"])
    _, train, _ = figure.setup()["curves"]["relu"]["4"][0]
    assert train[0] is not None
    assert train[1:] == (None, None, 1)


def test_targets_are_the_labels_of_the_task(figure):
    for modulus in (10, 7, 4):
        text = figure.setup()["targets"][str(modulus)]
        labels = modular_labels(modulus, points=32)
        assert [int(label) for label in text] == labels.flatten().tolist()


def test_the_poster_is_the_stored_picture_with_its_accuracy(modular_frames):
    rows = modular_frames["pictures"]
    row = rows.query("activation == 'sine' and prefactor == 8 and modulus == 4").iloc[0]
    poster = ModularPlayer("sine", prefactor=8, modulus=4, **modular_frames).poster()
    picture = np.frombuffer(row.picture, dtype=np.uint8).reshape(32, 32)
    assert np.array_equal(np.round(poster.values * 255), picture)
    assert "train accuracy 1.00, test accuracy 2.00" in poster.description


def test_the_page_stays_small(figure):
    assert len(figure.to_html()) < 60_000


def test_pictures_too_large_for_a_page_are_refused(modular_frames, monkeypatch):
    monkeypatch.setattr(complexity_map, "LARGEST", 100)
    with pytest.raises(ValueError, match=r"24 pictures in 8 .* take .* than 100; select fewer"):
        ModularPlayer(**modular_frames)


def test_noise_is_kept_in_fewer_levels_than_smooth_pictures():
    noise = np.random.default_rng(0).integers(0, 256, (20, 32, 32), dtype=np.uint8)
    smooth = np.zeros_like(noise)
    assert fit_pictures(smooth, 20_000)[1] == 64
    packed, levels = fit_pictures(noise, 20_000)
    assert levels == 16
    assert len(packed) <= 20_000 < len(pack_pictures(noise, 32))


def test_levels_keep_black_and_white_and_round_to_the_nearest():
    every = np.arange(256, dtype=np.uint8)
    coarse = quantize(every, 16)
    assert (coarse[0], coarse[-1]) == (0, 15)
    assert abs(coarse / 15 - every / 255).max() <= 0.5 / 15 + 1e-12


@pytest.mark.parametrize("pictures", [np.zeros((2, 4, 4)), np.zeros((2, 4, 5), np.uint8)])
def test_only_square_bytes_are_packed(pictures):
    with pytest.raises(ValueError, match=r"uint8 of shape \(m, n, n\)"):
        pack_pictures(pictures, 32)


@pytest.mark.parametrize(
    "options", [{"activation": "gelu"}, {"prefactor": 3.0}, {"modulus": 5}], ids=str
)
def test_a_value_that_the_pictures_do_not_have_is_refused(modular_frames, options):
    name, value = next(iter(options.items()))
    with pytest.raises(ValueError, match=rf"^unknown {name} {value!r}; choose one of"):
        ModularPlayer(**modular_frames, **options)


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("curves", lambda f: f.drop(columns="network"), "curves has no column network"),
        (
            "curves",
            lambda f: f.query("activation != 'sine'"),
            "no row for activation 'sine', modulus 10",
        ),
        ("pictures", lambda f: f.drop(columns="picture"), "pictures has no column picture"),
        (
            "pictures",
            lambda f: f[1:],
            "pictures has no row for activation 'relu', prefactor 0.5",
        ),
        (
            "pictures",
            lambda f: f.assign(picture=[bytes(9)] * 24),
            "must hold 1024 values, got 9",
        ),
    ],
)
def test_frames_that_do_not_fit_are_refused(modular_frames, part, change, message):
    with pytest.raises(ValueError, match=message):
        ModularPlayer(**{**modular_frames, part: change(modular_frames[part])})


def test_a_result_that_is_not_stored_is_named_with_its_command(tmp_path, monkeypatch):
    monkeypatch.setattr(complexity_map, "load", lambda name: load(name, store=tmp_path))
    with pytest.raises(FileNotFoundError, match=r"python -m ibcore run redshift\.modular"):
        ModularPlayer()
