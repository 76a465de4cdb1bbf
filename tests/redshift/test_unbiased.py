"""The unbiased model: its frequencies, its fast evaluation, and that it looks like white noise."""

import pytest
import torch

from ibcore.population import member_seed
from ibcore.redshift import UnbiasedModel, fourier_complexity, sample_unbiased
from ibcore.redshift.guess_and_check import all_frequencies
from ibcore.tasks import grid


@pytest.mark.parametrize("points", [4, 8, 10])
def test_every_discrete_frequency_appears_once_up_to_sign(points):
    kept = {tuple(k) for k in (all_frequencies(points) % points).int().tolist()}
    mirrored = {tuple(k) for k in (-all_frequencies(points) % points).int().tolist()}
    half = points // 2
    nyquist = {(half, j) for j in range(points)} | {(j, half) for j in range(points)}
    everything = {(i, j) for i in range(points) for j in range(points)} - {(0, 0)}
    assert everything - (kept | mirrored) <= nyquist  # all but part of the border of the spectrum
    assert len(kept) == len(all_frequencies(points))


def test_the_batched_evaluation_equals_the_models():
    values = sample_unbiased(3, 12, amplitude=2.0, seed=5)
    x = grid(12, nodes="cell")
    for i in range(3):
        model = UnbiasedModel(12, amplitude=2.0, seed=member_seed(5, i))
        torch.testing.assert_close(
            values[i].flatten(), model(x)[:, 0].detach(), rtol=1e-9, atol=1e-9
        )


def test_it_looks_like_white_noise_at_any_amplitude():
    white = torch.randn(16, 48, 48, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    noise = fourier_complexity(white).mean()
    means = [
        fourier_complexity(sample_unbiased(8, 48, amplitude=a)).mean() for a in (0.1, 1.0, 10.0)
    ]
    assert max(abs(m - noise) for m in means) < 0.02
    assert max(means) - min(means) < 0.01


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="points must be even and at least 4, got 7"):
        UnbiasedModel(7)
    with pytest.raises(ValueError, match="grid must be even and at least 4, got 7"):
        sample_unbiased(1, 7)
    with pytest.raises(ValueError, match="networks=100000000 needs about 13107 GB"):
        sample_unbiased(10**8, 64)
