"""Guides: what each of them says about a batch, and that it stays as it is."""

import copy

import pytest
import torch
from torch import nn

from ibcore.guidance import (
    Batch,
    FilterGuide,
    Guide,
    LabelGuide,
    NetworkGuide,
    NoiseGuide,
    NoiseInputGuide,
    PixelGuide,
    ScrambledGuide,
    ShuffledGuide,
    activations,
    gabor_filters,
    redraw,
)
from ibcore.nets import MLP, ConvNet, batch_statistics

N = 12


def images(seed=0):
    x = torch.rand(N, 1, 8, 8, generator=torch.Generator().manual_seed(seed))
    return Batch(x, torch.arange(N) % 3, torch.arange(N))


def some(batch, rows):
    rows = torch.tensor(rows)
    return Batch(batch.x[rows], batch.y[rows], batch.rows[rows])


def network():
    return redraw(
        nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten(), nn.Linear(144, 3)
        ),
        0,
    )


GUIDES = {
    "network": lambda x: NetworkGuide(network()),
    "pixels": lambda x: PixelGuide(),
    "labels": lambda x: LabelGuide(3),
    "noise": lambda x: NoiseGuide(N, features=5),
    "filters": lambda x: FilterGuide(),
    "shuffled": lambda x: ShuffledGuide(NetworkGuide(network()), x, seed=1),
    "scrambled": lambda x: ScrambledGuide(NetworkGuide(network()), seed=1),
    "noise input": lambda x: NoiseInputGuide(NetworkGuide(network()), N, seed=1),
}


@pytest.mark.parametrize("name", GUIDES)
def test_a_fixed_guide_says_the_same_about_a_point_in_every_batch(name):
    batch = images()
    guide = GUIDES[name](batch.x)
    assert isinstance(guide, Guide) and guide.fixed
    before = torch.random.get_rng_state()
    whole, part = guide(batch), guide(some(batch, [7, 2, 5]))
    assert list(whole) == list(part)
    for layer, value in whole.items():
        assert len(value) == N
        assert not value.requires_grad
        torch.testing.assert_close(part[layer], value[[7, 2, 5]])
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_network_is_not_changed_in_either_mode_and_keeps_its_own():
    net, batch = network(), images()
    net[1].eval()
    before, modes = copy.deepcopy(net.state_dict()), [m.training for m in net.modules()]
    evaluated = NetworkGuide(net)(batch)["0"]
    trained = NetworkGuide(net, ["0", "2"], mode="train")(batch)
    assert torch.equal(evaluated, trained["0"])  # before the norm
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert [m.training for m in net.modules()] == modes
    assert all(p.grad is None for p in net.parameters())


def test_training_mode_uses_the_batch_and_dropout_of_its_own():
    net, batch = network(), images()
    guide = NetworkGuide(net, ["1", "2"], mode="train", seed=4)
    assert not guide.fixed
    before = torch.random.get_rng_state()
    first, second = guide(batch), guide(batch)
    assert torch.equal(before, torch.random.get_rng_state())
    assert first["1"].mean((0, 2, 3)).abs().max() < 1e-5  # normalized over this batch
    assert not torch.equal(first["2"], second["2"])  # another mask
    again = NetworkGuide(net, ["1", "2"], mode="train", seed=4)
    assert torch.equal(again(batch)["2"], first["2"])


def test_networks_of_the_book_with_batch_norm_use_the_statistics_of_their_reference():
    net, batch = ConvNet(1, 3, channels=(4, 6), norm="batch"), images()
    other = images(1).x
    guide = NetworkGuide(net, reference=other)
    part = guide(some(batch, [3, 4]))
    own = {name: value.detach()[None] for name, value in net.named_parameters()}
    known = batch_statistics(net, own, other[None])
    taps = activations_with(net, batch.x, known, "features")
    torch.testing.assert_close(part["features"], taps[[3, 4]])
    with pytest.raises(ValueError, match="needs reference"):
        NetworkGuide(net)
    with pytest.raises(ValueError, match="reference belongs to"):
        NetworkGuide(MLP(4, 2), reference=other)
    assert not NetworkGuide(net, mode="train").fixed


def activations_with(net, x, statistics, name):
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, x):
            return self.net(x, statistics=statistics)

    return activations(Fixed(), x, [f"net.{name}"])[f"net.{name}"].detach()


def test_shuffled_rows_keep_the_set_of_representations():
    batch = images()
    plain, mixed = PixelGuide(), ShuffledGuide(PixelGuide(), batch.x, seed=3)
    order = mixed.order
    assert sorted(order.tolist()) == list(range(N)) and order.tolist() != list(range(N))
    assert torch.equal(mixed(batch)["pixels"], plain(batch)["pixels"][order])


def test_scrambled_pixels_keep_their_values_and_channels():
    x = torch.rand(2, 3, 4, 4)
    seen = ScrambledGuide(PixelGuide(), seed=2)(Batch(x, torch.zeros(2), torch.arange(2)))["pixels"]
    scrambled = seen.reshape(2, 3, 16)
    assert torch.equal(scrambled.sort(-1).values, x.flatten(2).sort(-1).values)
    places = [(x.flatten(2)[0, c][:, None] == scrambled[0, c]).nonzero()[:, 1] for c in range(3)]
    assert torch.equal(places[0], places[1]) and torch.equal(places[0], places[2])
    assert not torch.equal(scrambled, x.flatten(2))


def test_noise_does_not_depend_on_the_images_and_its_seed_fixes_it():
    one, other = images(0), images(1)
    for make in (
        lambda seed: NoiseGuide(N, seed=seed),
        lambda seed: NoiseInputGuide(PixelGuide(), N, seed=seed),
    ):
        (first,), (second,), (third,) = (
            make(seed)(batch).values() for seed, batch in ((0, one), (0, other), (1, one))
        )
        assert torch.equal(first, second) and not torch.equal(first, third)
        assert abs(first.mean()) < 0.1 and 0.9 < first.std() < 1.1


def test_labels_need_a_label_for_every_point():
    batch = images()
    with pytest.raises(ValueError, match="a label for every point"):
        LabelGuide(3)(batch._replace(y=batch.y[:5]))


def test_gabor_filters_see_contrast_of_their_orientation_only():
    bank = gabor_filters(size=7, orientations=4, wavelengths=(4.0,))
    assert bank.shape == (4, 2, 7, 7)
    assert bank.mean((2, 3)).abs().max() < 1e-15
    torch.testing.assert_close(bank.flatten(2).norm(dim=2), torch.ones(4, 2).double())
    across = torch.cos(torch.arange(24) * 2 * torch.pi / 4).expand(24, 24)  # changes along columns
    guide = FilterGuide(size=7, orientations=4, wavelengths=(4.0,))
    pooled = guide(Batch(across[None, None], torch.zeros(1), torch.arange(1)))["pooled"][0]
    assert pooled.argmax() == 0 and pooled[0] > 3 * pooled[2]
    turned = guide(Batch(across.T[None, None], torch.zeros(1), torch.arange(1)))["pooled"][0]
    assert turned.argmax() == 2


def test_energy_hardly_sees_the_phase_of_a_wave():
    guide = FilterGuide(size=7, orientations=4, wavelengths=(4.0,))
    waves = [torch.cos(torch.arange(24) * torch.pi / 2 + phase).expand(24, 24) for phase in (0, 1)]
    seen = guide(Batch(torch.stack(waves)[:, None], torch.zeros(2), torch.arange(2)))
    inner = seen["energy"][:, 0, 8:16, 8:16]
    assert (inner[0] - inner[1]).abs().max() < 0.1 * inner.max()
    answers = seen["answers"][:, 0, 8:16, 8:16]
    assert (answers[0] - answers[1]).abs().max() > 0.3 * answers.abs().max()


@pytest.mark.parametrize(
    "model",
    [
        network(),
        MLP(3, 2),
        ConvNet(1, 4),
        nn.LSTM(3, 4),
        nn.TransformerEncoderLayer(8, 2),
        nn.Sequential(nn.Embedding(5, 3), nn.RNN(3, 4)),
    ],
)
def test_redrawing_gives_other_weights_of_the_same_architecture_from_a_seed(model):
    before, state = torch.random.get_rng_state(), copy.deepcopy(model.state_dict())
    first, again, other = (redraw(model, seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(before, torch.random.get_rng_state())
    weights = [name for name, value in state.items() if value.ndim > 1]
    assert weights
    for name in state:
        assert torch.equal(first[name], again[name])
        assert torch.equal(model.state_dict()[name], state[name])
    for name in weights:
        assert not torch.equal(first[name], other[name])
        assert not torch.equal(first[name], state[name])
        assert 0.3 < first[name].std() / state[name].std() < 3


def test_redrawing_begins_running_averages_anew():
    net = network()
    net(torch.rand(5, 1, 8, 8) + 9)
    fresh = redraw(net, 0)
    assert fresh[1].running_mean.abs().max() == 0 and fresh[1].num_batches_tracked == 0


class Bare(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: redraw(nn.Sequential(Bare()), 0), "Bare '0' has parameters of its own"),
        (lambda: redraw(nn.Linear(2, 2), -1), "seed must be between 0"),
        (lambda: NetworkGuide(network(), mode="test"), "unknown mode 'test'"),
        (lambda: LabelGuide(1), "classes must be a whole number at least 2"),
        (lambda: NoiseGuide(0), "points must be at least 1, got 0"),
        (lambda: NoiseInputGuide(PixelGuide(), 0), "points must be at least 1"),
        (lambda: gabor_filters(size=4), "size must be odd"),
        (lambda: gabor_filters(wavelengths=(1.0,)), "must be at least 2, got 1"),
        (lambda: FilterGuide()(Batch(torch.rand(2, 9), None, None)), "filters need images"),
    ],
)
def test_bad_options_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_waves_that_vanish_on_the_grid_are_named():
    for wavelength in (2.0, 1e9):  # a sine of 0 at all pixels, a cosine of 1
        with pytest.raises(ValueError, match="vanish on 5 pixels"):
            gabor_filters(wavelengths=(wavelength,))


def test_only_guides_are_guides():
    for wrong in (None, "pixels", PixelGuide, nn.Linear(2, 2)):
        with pytest.raises(TypeError, match=r"guide must be a guide, such as PixelGuide\(\)"):
            ScrambledGuide(wrong)
