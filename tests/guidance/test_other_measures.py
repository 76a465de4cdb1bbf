"""RSA, ridge regression and Procrustes against libraries, closed forms and their invariances."""

import numpy as np
import pytest
import scipy.linalg
import scipy.spatial.distance
import scipy.stats
import torch
from sklearn.linear_model import Ridge

from ibcore.guidance import procrustes, ridge, rsa


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


X, NOISE = normal(40, 6), normal(40, 4, seed=1)
Y = X[:, :4] + NOISE
TURN = torch.linalg.qr(normal(6, 6, seed=2)).Q


@pytest.mark.parametrize("comparison", ["pearson", "spearman"])
@pytest.mark.parametrize("dissimilarity", ["euclidean", "cosine", "correlation"])
def test_rsa_equals_scipy(dissimilarity, comparison):
    a, b = (scipy.spatial.distance.pdist((z - z.mean(0)).numpy(), dissimilarity) for z in (X, Y))
    correlate = {"pearson": scipy.stats.pearsonr, "spearman": scipy.stats.spearmanr}[comparison]
    value = rsa(X, Y, dissimilarity=dissimilarity, comparison=comparison)
    assert value.item() == pytest.approx(correlate(a, b).statistic, abs=1e-12)


@pytest.mark.parametrize(
    ("points", "features"), [(40, 6), (20, 50)], ids=["more points", "more features"]
)
def test_ridge_equals_scikit_learn(points, features):
    x, y = normal(points, features), normal(points, 3, seed=1) + normal(points, features)[:, :3]
    strength = 0.1 * ((x - x.mean(0)).square().sum() / points).item()
    fitted = Ridge(alpha=strength).fit(x, y).predict(x)
    expected = 1 - ((y.numpy() - fitted) ** 2).sum() / (y - y.mean(0)).square().sum().item()
    assert ridge(x, y, penalty=0.1, folds=None).item() == pytest.approx(expected, rel=1e-9)


def test_held_out_ridge_equals_a_loop_over_folds():
    order = torch.randperm(40, generator=torch.Generator().manual_seed(3)).numpy()
    x, y, wrong, total = X.numpy(), Y.numpy(), 0.0, 0.0
    for part in np.array_split(order, 4):
        seen = np.setdiff1d(order, part)
        strength = 0.01 * ((x[seen] - x[seen].mean(0)) ** 2).sum() / len(seen)
        predicted = Ridge(alpha=strength).fit(x[seen], y[seen]).predict(x[part])
        wrong += ((y[part] - predicted) ** 2).sum()
        total += ((y[part] - y[seen].mean(0)) ** 2).sum()
    value = ridge(X, Y, penalty=0.01, folds=4, seed=3)
    assert value.item() == pytest.approx(1 - wrong / total, rel=1e-9)


def test_many_features_flatter_a_regression_only_on_the_points_it_was_fitted_to():
    x, y = normal(40, 200), normal(40, 3, seed=1)  # independent
    assert ridge(x, y, penalty=1e-4, folds=None).item() > 0.99
    assert ridge(x, y, penalty=1e-4).item() < 0.1


@pytest.mark.parametrize(("p", "q"), [(6, 4), (100, 80), (6, 80)])
def test_procrustes_equals_the_best_rotation_of_scipy(p, q):
    x, y = normal(40, p), normal(40, q, seed=1)
    size = max(p, q)
    a, b = (np.pad(z - z.mean(0), ((0, 0), (0, size - z.shape[1]))) for z in (x, y))
    _, scale = scipy.linalg.orthogonal_procrustes(a, b)
    expected = scale / np.linalg.norm(a) / np.linalg.norm(b)
    assert procrustes(x, y).item() == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    "measure",
    [rsa, lambda x, y: rsa(x, y, dissimilarity="cosine"), procrustes, ridge],
    ids=["rsa", "rsa cosine", "procrustes", "ridge"],
)
def test_the_measures_share_the_invariances_of_cka(measure):
    moved = 17 * X @ TURN + 1e3
    assert measure(moved, Y).item() == pytest.approx(measure(X, Y).item(), abs=1e-8)
    assert measure(X, 3 * X @ TURN).item() > 0.999 - 0.01 * (measure is ridge)
    stretched = X * torch.tensor([50.0, 1, 1, 1, 1, 1])
    assert abs(measure(stretched, Y) - measure(X, Y)).item() > 0.005
    mixed = Y[torch.randperm(40, generator=torch.Generator().manual_seed(0))]
    assert measure(X, mixed).item() < measure(X, Y).item() - 0.1


def test_correlation_distance_is_not_invariant_to_rotation():
    options = {"dissimilarity": "correlation"}
    assert abs(rsa(X @ TURN, Y, **options) - rsa(X, Y, **options)).item() > 0.01


@pytest.mark.parametrize(
    "measure",
    [
        rsa,
        lambda x, y: rsa(x, y, dissimilarity="cosine"),
        lambda x, y: rsa(x, y, dissimilarity="correlation"),
        procrustes,
        lambda x, y: ridge(x, y, folds=2),
        lambda x, y: ridge(x, y, folds=None),
    ],
)
@pytest.mark.parametrize("features", [3, 12])
def test_the_gradients_equal_finite_differences(measure, features):
    inputs = [normal(8, features).requires_grad_(), normal(8, 4, seed=1).requires_grad_()]
    assert torch.autograd.gradcheck(measure, inputs)


LABELS = torch.nn.functional.one_hot(torch.arange(40) % 4).double()


@pytest.mark.parametrize("dissimilarity", ["euclidean", "cosine", "correlation"])
def test_tied_distances_stay_tied_whatever_their_rounding(dissimilarity):
    options = {"dissimilarity": dissimilarity, "comparison": "spearman"}
    exact = 1.0 - LABELS @ LABELS.T  # 0 within a class, 1 between two
    rows = np.triu_indices(40, 1)
    a = scipy.spatial.distance.pdist((X - X.mean(0)).numpy(), dissimilarity)
    expected = scipy.stats.spearmanr(exact.numpy()[rows], a).statistic
    for scale in (1 / 3, 0.1, 1.0, 1e-200, 1e200):
        for moved in (LABELS * scale, LABELS * scale + 7 * scale):
            assert rsa(moved, X, **options).item() == pytest.approx(expected, abs=1e-12)


def test_the_measures_do_not_depend_on_the_size_of_numbers():
    for measure in (rsa, lambda x, y: rsa(x, y, dissimilarity="cosine"), procrustes, ridge):
        for power in (-900, 900):
            assert measure(X * 2.0**power, Y / 2.0**power) == measure(X, Y)


@pytest.mark.parametrize("spread", [1, 1e-17])
def test_a_fold_in_which_x_does_not_vary_predicts_the_mean(spread):
    """One point is active, as in a sparse layer: those that predict it are all alike."""
    x = torch.cat([0.3 + spread * torch.zeros(39, 2), torch.ones(1, 2)]).double()
    x[5] += 1e-17  # rounding noise, if anything
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0)).numpy()
    wrong, total = 0.0, 0.0
    for part in np.array_split(order, 5):
        seen = np.setdiff1d(order, part)
        predicted = Y[seen].mean(0).expand(len(part), -1)
        if 39 in seen:
            strength = 1e-3 * (x[seen] - x[seen].mean(0)).square().sum().item() / len(seen)
            fitted = Ridge(alpha=strength).fit(x[seen].numpy(), Y[seen].numpy())
            predicted = torch.from_numpy(fitted.predict(x[part].numpy()))
        wrong += (Y[part] - predicted).square().sum().item()
        total += (Y[part] - Y[seen].mean(0)).square().sum().item()
    assert ridge(x, Y).item() == pytest.approx(1 - wrong / total, rel=1e-9)


MEAN_INSIDE = [[0.1, 0.2], [0.3, 0.6], [-0.1, 0.9], [0.7, -0.3], [0.25, 0.35]]
MEAN_INSIDE = torch.tensor(MEAN_INSIDE, dtype=torch.float64)  # the last is the mean of all


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rsa(X, Y, dissimilarity="city"), "unknown dissimilarity 'city'"),
        (lambda: rsa(X, Y, comparison="kendall"), "unknown comparison 'kendall'"),
        (lambda: rsa(X[:2], Y[:2]), "2 points; it needs at least 3"),
        (lambda: rsa(torch.ones(5, 2), Y[:5]), "all rows of x are equal"),
        (lambda: rsa(torch.eye(5) / 3, Y[:5]), "all dissimilarities of x are equal"),
        (lambda: rsa(MEAN_INSIDE, Y[:5], dissimilarity="cosine"), "of x has no direction"),
        (lambda: rsa(MEAN_INSIDE[:, :1], Y[:5], dissimilarity="correlation"), "no direction"),
        (lambda: ridge(X, Y, penalty=0), "penalty must be at least 1e-12, got 0"),
        (lambda: ridge(X, Y, folds=1), "folds must be between 2 and 20"),
        (lambda: ridge(X, Y, folds=21), "folds must be between 2 and 20.*got 21"),
        (lambda: ridge(X, torch.ones(40, 2)), "all rows of y are equal"),
        (lambda: procrustes(X, Y[:9]), "y holds 9 points on cpu, x 40"),
        (lambda: procrustes(0 * X, Y), "all rows of x are equal"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
