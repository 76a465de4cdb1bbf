"""CKA: closed forms, an independent version, invariances, estimates, gradients and peers."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ibcore.guidance import MinibatchCKA, cka, cka_matrix
from ibcore.guidance.similarity import as_layer, features_are_cheaper, gram, hsic

KERNELS = ["linear", "rbf"]


def normal(*shape, seed=0, dtype=torch.float64):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=rng, dtype=torch.float64).to(dtype)


def related(n=60, p=7, q=5, seed=0, dtype=torch.float64):
    x = normal(n, p, seed=seed)
    return x.to(dtype), (x[:, :q] + normal(n, q, seed=seed + 1)).to(dtype)


def orthogonal(size, seed=0):
    return torch.linalg.qr(normal(size, size, seed=seed)).Q


def plain_cka(x, y, kernel, unbiased):
    """Follow the definitions literally, in NumPy, with explicit matrices and loops of sums."""
    n = len(x)
    k, other = (plain_gram(z.numpy(), kernel) for z in (x, y))

    def hsic(a, b):
        if not unbiased:
            h = np.eye(n) - np.ones((n, n)) / n
            return np.trace(a @ h @ b @ h) / (n - 1) ** 2
        a, b, ones = a - np.diag(np.diag(a)), b - np.diag(np.diag(b)), np.ones(n)
        value = np.trace(a @ b) - 2 / (n - 2) * ones @ a @ b @ ones
        value += (ones @ a @ ones) * (ones @ b @ ones) / ((n - 1) * (n - 2))
        return value / (n * (n - 3))

    return hsic(k, other) / np.sqrt(hsic(k, k) * hsic(other, other))


def plain_gram(x, kernel):
    if kernel == "linear":
        return x @ x.T
    distance = np.array([[np.linalg.norm(a - b) for b in x] for a in x])
    sigma = np.sort(distance[np.triu_indices(len(x), 1)])[(len(x) * (len(x) - 1) // 2 - 1) // 2]
    return np.exp(-(distance**2) / (2 * sigma**2))


@pytest.mark.parametrize("shape", [(20, 3, 4), (20, 30, 9), (9, 4, 100)])
@pytest.mark.parametrize("unbiased", [False, True])
@pytest.mark.parametrize("kernel", KERNELS)
def test_cka_equals_the_definition_written_out_in_numpy(kernel, unbiased, shape):
    n, p, q = shape
    x, y = related(n, max(p, q), q)
    x = x[:, :p] + 3
    expected = plain_cka(x, y, kernel, unbiased)
    assert cka(x, y, kernel=kernel, unbiased=unbiased).item() == pytest.approx(expected, rel=1e-10)


def test_two_binary_features_have_the_squared_correlation():
    a, b = torch.tensor([0.0, 0, 0, 1, 1, 1, 1, 0]), torch.tensor([0.0, 0, 1, 1, 1, 0, 1, 1])
    expected = np.corrcoef(a, b)[0, 1] ** 2
    assert cka(a[:, None], b[:, None], unbiased=False).item() == pytest.approx(expected, rel=1e-12)


def test_cka_of_orthonormal_features_is_the_overlap_of_their_spaces():
    basis = torch.linalg.qr(normal(30, 9) - normal(30, 9).mean(0)).Q
    basis = basis - basis.mean(0)
    x, y = basis[:, :4], basis[:, 2:8]  # two directions of four and six are shared
    assert cka(x, y, unbiased=False).item() == pytest.approx(2 / np.sqrt(4 * 6), rel=1e-10)


@pytest.mark.parametrize("unbiased", [False, True])
@pytest.mark.parametrize("kernel", KERNELS)
def test_cka_is_1_for_the_same_features_and_symmetric(kernel, unbiased):
    x, y = related()
    options = {"kernel": kernel, "unbiased": unbiased}
    assert cka(x, x, **options).item() == pytest.approx(1, abs=1e-12)
    assert cka(x, y, **options).item() == pytest.approx(cka(y, x, **options).item(), abs=1e-14)
    assert cka(x, y, **options).item() < 0.9


@pytest.mark.parametrize("unbiased", [False, True])
@pytest.mark.parametrize("kernel", KERNELS)
def test_orthogonal_maps_isotropic_scale_and_offset_change_nothing(kernel, unbiased):
    x, y = related()
    options = {"kernel": kernel, "unbiased": unbiased}
    changed = 17 * x @ orthogonal(7) + normal(7, seed=5) + 1e3
    assert cka(changed, y, **options).item() == pytest.approx(cka(x, y, **options).item(), abs=1e-9)


@pytest.mark.parametrize("kernel", KERNELS)
def test_general_linear_maps_and_mixed_up_rows_change_cka(kernel):
    x, y = related()
    stretched = x * torch.tensor([50.0, 1, 1, 1, 1, 1, 1])
    value = cka(x, y, kernel=kernel).item()
    assert abs(cka(stretched, y, kernel=kernel).item() - value) > 0.05
    mixed = y[torch.randperm(60, generator=torch.Generator().manual_seed(0))]
    assert abs(cka(x, mixed, kernel=kernel).item()) < 0.1 < value


@pytest.mark.parametrize("p", [4, 300])
def test_a_common_offset_of_a_thousand_changes_nothing_in_any_form(p):
    x, y = normal(50, p), normal(50, p, seed=1) + normal(50, p)
    for unbiased in (False, True):
        near = cka_matrix([x, y], unbiased=unbiased)
        far = cka_matrix([x + 1e3, y - 1e3], unbiased=unbiased)
        assert (near - far).abs().max() < 1e-9
        single = cka_matrix([(x + 1e3).float(), (y - 1e3).float()], unbiased=unbiased)
        rounded = [(x + 1e3).float().double(), (y - 1e3).float().double()]
        assert (single - cka_matrix(rounded, unbiased=unbiased)).abs().max() < 1e-6


def test_biased_cka_lies_between_0_and_1_and_flatters_few_points():
    values = [
        cka(normal(n, 30, seed=n), normal(n, 30, seed=n + 1), unbiased=False).item()
        for n in (20, 60, 500)
    ]
    assert 1 > values[0] > values[1] > values[2] > 0
    assert values[0] > 0.5 and values[1] > 0.03  # independent features


def test_unbiased_cka_of_independent_features_is_0_on_average():
    values = np.array(
        [cka(normal(60, 30, seed=2 * s), normal(60, 30, seed=2 * s + 1)).item() for s in range(100)]
    )
    assert abs(values.mean()) < 3 * values.std(ddof=1) / 10
    assert values.min() < 0  # nothing is clipped
    assert abs(cka(normal(500, 30, seed=7), normal(500, 30, seed=8)).item()) < 0.02


def test_the_unbiased_criterion_has_the_value_of_all_points_on_average_over_subsets():
    """Over ALL subsets of 5 of 8 points: an identity, without sampling error."""
    from itertools import combinations

    def value(x, y, *, unbiased=True, grams=False):
        return hsic(*(as_layer(z, grams=grams) for z in (x, y)), unbiased=unbiased).item()

    x, y = related(8, 3, 2)
    subsets = [list(rows) for rows in combinations(range(8), 5)]
    whole = value(x, y)
    parts = [value(x[rows], y[rows]) for rows in subsets]
    assert np.mean(parts) == pytest.approx(whole, rel=1e-10)
    k, other = gram(x), gram(y)
    grams = [value(k[rows][:, rows], other[rows][:, rows], grams=True) for rows in subsets]
    assert grams == pytest.approx(parts, rel=1e-9)
    biased = [value(x[rows], y[rows], unbiased=False) for rows in subsets]
    whole_biased = value(x, y, unbiased=False)
    assert abs(np.mean(biased) - whole_biased) > 0.01 * whole_biased


@pytest.mark.parametrize("kernel", [{"kernel": "linear"}, {"kernel": "rbf", "sigma": 5.0}])
def test_unbiased_minibatches_average_to_the_value_of_all_points_and_biased_do_not(kernel):
    x = normal(640, 40)
    y = x[:, :30] + 2 * normal(640, 30, seed=1)
    gaps = {}
    for unbiased in (True, False):
        whole = cka(x, y, unbiased=unbiased, **kernel).item()
        values = []
        for seed in range(8):
            order = torch.randperm(640, generator=torch.Generator().manual_seed(seed))
            total = MinibatchCKA(unbiased=unbiased, **kernel)
            for rows in order.split(64):
                total.update([x[rows]], [y[rows]])
            values.append(total.value().item())
        error = np.std(values, ddof=1) / np.sqrt(8)
        gaps[unbiased] = abs(np.mean(values) - whole) / error
    assert gaps[True] < 3
    assert gaps[False] > 20


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("unbiased", [False, True])
@pytest.mark.parametrize("n", [12, 80])
def test_all_pairs_at_once_equal_one_pair_after_the_other(kernel, unbiased, n):
    xs, ys = [normal(n, p, seed=p) for p in (3, 8, 5)], [normal(n, p, seed=p + 1) for p in (4, 6)]
    options = {"kernel": kernel, "unbiased": unbiased}
    table = cka_matrix(xs, ys, **options)
    expected = [[cka(x, y, **options).item() for y in ys] for x in xs]
    assert table.numpy() == pytest.approx(np.array(expected), abs=1e-12)
    own = cka_matrix(xs, **options)
    assert own.numpy() == pytest.approx(cka_matrix(xs, xs, **options).numpy(), abs=1e-12)
    assert own.diagonal().tolist() == pytest.approx([1, 1, 1])


def test_single_precision_stays_within_two_millionths():
    for n, p in ((128, 300), (1500, 64)):
        xs = [normal(n, p, seed=s) + 10 * (s == 1) for s in range(3)]
        exact, single = cka_matrix(xs), cka_matrix([x.float() for x in xs])
        assert (exact - single).abs().max() < 2e-6
    x = normal(50, 20)
    assert cka_matrix([x.bfloat16()])[0, 0].item() == pytest.approx(1, abs=1e-6)


class Largest(TorchDispatchMode):
    """Remembers the size of the largest tensor that any operation returns."""

    entries = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for value in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(value, torch.Tensor):
                self.entries = max(self.entries, value.numel())
        return result


@pytest.mark.parametrize("unbiased", [False, True])
def test_with_more_points_than_features_no_matrix_of_all_pairs_of_points_is_formed(unbiased):
    x, y = normal(200, 9), normal(200, 12)
    for call in (
        lambda: cka(x, y, unbiased=unbiased),
        lambda: cka_matrix([x, x[:, :5]], [y], unbiased=unbiased),
        lambda: cka_matrix([x, y], unbiased=unbiased),
    ):
        with Largest() as largest:
            call()
        assert largest.entries <= 200 * 26
    with Largest() as largest:
        cka(x, y, kernel="rbf")
    assert largest.entries >= 200**2  # the count can see one


@pytest.mark.parametrize("widths", [([3], [5]), ([30, 2, 9], [4]), ([5] * 20, []), ([64], [512])])
def test_more_points_than_features_in_all_always_mean_the_feature_form(widths):
    first, second = widths
    assert features_are_cheaper(sum(first) + sum(second) + 1, first, second)
    assert not features_are_cheaper(2, first, second) or max(first) <= 5


@pytest.mark.parametrize(("n", "p"), [(9, 3), (6, 9)], ids=["features", "gram"])
@pytest.mark.parametrize("unbiased", [False, True])
@pytest.mark.parametrize("kernel", KERNELS)
def test_the_gradient_equals_finite_differences(kernel, unbiased, n, p):
    x, y = related(n, p, 3)
    inputs = [z.requires_grad_() for z in (x + 5, y)]
    options = {"kernel": kernel, "unbiased": unbiased}
    assert torch.autograd.gradcheck(lambda a, b: cka(a, b, **options), inputs)
    assert torch.autograd.gradcheck(lambda a, b: cka_matrix([a, b[:, :2]], [b], **options), inputs)
    assert torch.autograd.gradcheck(lambda a, b: cka_matrix([a, b], **options), inputs)


@pytest.mark.parametrize("unbiased", [False, True])
def test_the_gradient_has_no_part_along_a_common_offset(unbiased):
    x, y = related(30)
    x.requires_grad_()
    (slope,) = torch.autograd.grad(cka(x, y, unbiased=unbiased), x)
    assert slope.mean(0).abs().max() < 1e-15 < slope.abs().max()


def test_the_criteria_of_a_peer_library_give_the_same():
    peer = pytest.importorskip("cka", reason="pip install pytorch-cka")
    for n, p in ((40, 100), (300, 12)):
        xs = [normal(n, p, seed=s) for s in range(3)]
        ys = [xs[0] + normal(n, p, seed=9), normal(n, p, seed=8)]
        grams = [torch.stack([z @ z.mT for z in side]) for side in (xs, ys)]
        cross, first, second = peer.hsic(*grams)
        expected = cross / (first[:, None] * second).sqrt()
        assert cka_matrix(xs, ys).numpy() == pytest.approx(expected.numpy(), abs=1e-10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: cka(x[:, 0], x), r"x must have shape \(points, features\), got \(60,\)"),
        (lambda x: cka(x, x[:50]), "y holds 50 points on cpu, x 60"),
        (lambda x: cka(x[:3], x[:3]), "x holds 3 points; it needs at least 4"),
        (lambda x: cka(x[:1], x[:1], unbiased=False), "needs at least 2"),
        (lambda x: cka(x, torch.full_like(x, 0.1)), "all rows of y are equal"),
        (lambda x: cka(x / 0, x), "x holds a value that is not finite"),
        (lambda x: cka(x, x, kernel="cosine"), "unknown kernel 'cosine'; choose one of 'linear'"),
        (lambda x: cka(x, x, sigma=2.0), "sigma=2.0 belongs to kernel='rbf'"),
        (lambda x: cka(x, x, kernel="rbf", sigma=0.0), "sigma must be above 0"),
        (
            lambda x: cka((x > 1.5)[:, :1].double(), x, kernel="rbf"),
            "median distance between points is 0",
        ),
        (lambda x: cka_matrix([]), "no layer in xs or ys to compare"),
        (lambda x: cka_matrix([x], []), "no layer in xs or ys"),
        (lambda x: cka_matrix([x, x[:9]]), r"xs\[1\] holds 9 points"),
        (
            lambda x: cka_matrix([x], [x.float()]),
            r"ys\[0\] is torch.float32, xs\[0\] torch.float64",
        ),
        (lambda x: cka_matrix([x], [0 * x + 0.3]), r"all rows of ys\[0\] are equal"),
        (lambda x: MinibatchCKA(kernel="rbf"), "needs one width for all; give sigma"),
        (lambda x: MinibatchCKA(unbiased=False).update([x[:3]]), "3 points; .* at least 4"),
        (lambda x: MinibatchCKA().value(), "no batch has been seen"),
    ],
)
def test_bad_features_are_named(call, message):
    x = normal(60, 4)
    with pytest.raises(ValueError, match=message):
        call(x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_points_that_are_all_equally_similar_are_an_error_and_not_rounding_noise(dtype):
    simplex, other = 3 * torch.eye(12, dtype=dtype) + 0.1, normal(12, 3, dtype=dtype)
    many = simplex.repeat(1, 4)  # compared in the other form
    for x in (simplex, many):
        for call in (lambda x: cka(x, other), lambda x: cka_matrix([other, x])):
            with pytest.raises(ValueError, match=r"12 points .* equally similar"):
                call(x)
        assert cka(x, other, unbiased=False).item() > 0


def test_unbiased_cka_lies_between_minus_1_and_1_even_for_four_points():
    values = [cka(normal(4, 200, seed=s), normal(4, 200, seed=s + 100)).item() for s in range(100)]
    assert -1 <= min(values) < -0.5 and 0.5 < max(values) <= 1


def test_one_accumulator_is_for_one_comparison():
    total = MinibatchCKA()
    total.update([normal(9, 2)], [normal(9, 2, seed=1), normal(9, 3)])
    with pytest.raises(ValueError, match=r"earlier ones xs\[0\], ys\[0\], ys\[1\]"):
        total.update([normal(9, 2)], [normal(9, 2, seed=1)])


def test_the_features_are_not_changed():
    x, y = related()
    before = x.clone(), y.clone()
    cka(x, y), cka_matrix([x, y]), cka_matrix([x[:9], y[:9]]), cka(x, y, kernel="rbf")
    assert torch.equal(x, before[0]) and torch.equal(y, before[1])


@pytest.mark.parametrize("unbiased", [False, True])
@pytest.mark.parametrize("n", [12, 80])
def test_powers_of_two_change_no_digit_and_no_size_is_too_large_or_small(unbiased, n):
    x, y = related(n, 9, 6)
    for kernel in KERNELS:
        options = {"kernel": kernel, "unbiased": unbiased}
        value = cka(x, y, **options)
        for power in (-900, -30, 900):
            assert cka(x * 2.0**power, y / 2.0**power, **options) == value
        small, large = x.float() * 2.0**-70, y.float() * 2.0**70
        assert torch.equal(
            cka_matrix([small, large], **options), cka_matrix([x.float(), y.float()], **options)
        )
    totals = MinibatchCKA(unbiased=unbiased), MinibatchCKA(unbiased=unbiased)
    for rows in torch.arange(n).split(n // 2):
        totals[0].update([x[rows].float()], [y[rows].float()])
        totals[1].update([x[rows].float() * 2.0**-70], [y[rows].float() * 2.0**70])
    assert torch.equal(totals[0].value(), totals[1].value())


def test_whole_numbers_flags_lists_and_arrays_mean_what_their_numbers_say():
    x, y = (normal(20, 3) * 5).round(), normal(20, 4, seed=1)
    expected = cka(x, y)
    for same in (x.long(), x.int().numpy(), x.tolist()):
        assert cka(same, y) == expected
    assert cka(x > 0, y) == cka((x > 0).double(), y)
