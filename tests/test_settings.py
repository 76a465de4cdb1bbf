"""Whatever a caller has set in torch around a call of each lab: it works, or one error says why."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from ibcore import MLP, Population, fourier_complexity, guide, meta_gradient, sample_functions
from ibcore.guidance import ridge, rsa
from ibcore.memory import DiagonalNet, Pipeline, digits_problem, sweep
from ibcore.nets import ConvNet, Transformer
from ibcore.redshift import Bilevel, learn_activation, sample_sequences
from ibcore.runs import Experiment, design, run

X = torch.linspace(-1, 1, 24, dtype=torch.float64).reshape(12, 2)
Y, CLASSES = X[:, :1].sin(), torch.arange(12) % 2
IMAGES = torch.linspace(-9, 9, 12 * 64, dtype=torch.float64).sin().reshape(12, 1, 8, 8)
DIGITS = digits_problem(train=30, validation=30)
PLAN = Bilevel(knots=11, outer_steps=1, inner_steps=(2, 3), networks=2, depth=1, width=8)
NET = MLP(2, 1, depth=1, width=8).double()
OWN = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1)).double()


def train(x: torch.Tensor = X, model: nn.Module | None = None) -> torch.Tensor:
    """Train two small networks, made inside, or one of the caller's."""
    if model is not None:
        many = Population.from_modules([model])
    else:
        many = Population.sample(MLP(2, 1, depth=1, width=8), networks=2)
    return many.train(x.clone(), Y.clone(), loss="mse", steps=3, batch_size=4).losses


def train_images() -> torch.Tensor:
    """Train a network with batch norm."""
    many = Population.sample(ConvNet(1, 2, channels=(4,), image_size=8, norm="batch"), networks=2)
    return many.train(IMAGES.clone(), CLASSES.clone(), loss="cross_entropy", steps=2).losses


def sample() -> torch.Tensor:
    """Measure random functions."""
    return fourier_complexity(sample_functions(networks=3, grid=8, width=8))


def decode() -> torch.Tensor:
    """Decode from random transformers."""
    net = Transformer(16, depth=1, width=8, heads=2, context=8)
    return sample_sequences(net, networks=2, gains=(1.0,), length=5)


def learn() -> torch.Tensor:
    """Learn an activation."""
    return learn_activation(X.float(), (Y[:, 0] > 0).float(), PLAN).losses


def meta(x: torch.Tensor = X) -> torch.Tensor:
    """Return a gradient through two inner steps."""
    start = {name: value.detach().clone() for name, value in NET.named_parameters()}
    points = (x[None].clone(), Y[None].clone())
    _, slopes = meta_gradient(NET, start, 0.1, points, points, inner_steps=2)
    return slopes["params"]["layers.0.weight"]


def guided() -> torch.Tensor:
    """Train a network beside a guide."""
    student, teacher = (MLP(2, 2, depth=2, width=8, seed=seed).double() for seed in (0, 1))
    log = guide(student, teacher, X.clone(), CLASSES, steps=2).log
    return torch.from_numpy(log["task_loss"].to_numpy().copy())


def compare(x: torch.Tensor = X) -> torch.Tensor:
    """Compare representations."""
    return torch.stack([ridge(x, Y), rsa(x, Y)])


def remember() -> torch.Tensor:
    """Train from two initial scales."""
    pipelines = [Pipeline("a", learning_rate=0.1, batch_size=8)]
    net = MLP(64, 10, depth=1, width=8)
    done = sweep(DIGITS, net, pipelines, scales=(1.0, 2.0), networks=1, steps=2)
    return torch.from_numpy(done.measures["train_loss"])


def flow() -> torch.Tensor:
    """Follow a gradient flow."""
    return DiagonalNet.start(1.0, features=2).flow(X, Y[:, 0], time=1.0, weight_decay=0.1).beta


def experiment(folder: list[Any]) -> Callable[[], torch.Tensor]:
    """Return a function that runs an experiment whose cell is trained by plain torch."""

    def cell(_: Any, device: torch.device) -> Any:
        import pandas as pd

        weight = torch.ones(2, requires_grad=True, device=device)
        (weight.square().sum() + torch.tensor(0.1)).backward()
        return pd.DataFrame({"slope": weight.grad.tolist(), "kind": str(torch.tensor(0.1).dtype)})

    toy = Experiment("toy.slopes", "How steep?", {"smoke": design({"n": (1,)})}, cell)

    def call() -> torch.Tensor:
        frame = run(toy, "smoke", store=folder[0], fresh=True, progress=False)
        assert set(frame["kind"]) == {"torch.float32"}
        return torch.from_numpy(frame["slope"].to_numpy().copy())

    return call


@contextmanager
def changed(get: Callable[[], Any], put: Callable[[Any], Any], value: Any) -> Iterator[None]:
    """Change a global setting for a while."""
    before = get()
    put(value)
    try:
        yield
    finally:
        put(before)


class _Functions(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


class _Dispatch(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


@contextmanager
def hooked() -> Iterator[None]:
    """Watch the calls of all modules."""
    handle = nn.modules.module.register_module_forward_hook(lambda *_: None)
    yield
    handle.remove()


DTYPES = torch.get_default_dtype, torch.set_default_dtype
GRAPH, FUTURE = torch.autograd.graph, torch.__future__
SETTINGS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "default dtype float64": lambda: changed(*DTYPES, torch.float64),
    "default dtype bfloat16": lambda: changed(*DTYPES, torch.bfloat16),
    "default tensor type": lambda: changed(
        lambda: torch.FloatTensor, torch.set_default_tensor_type, torch.DoubleTensor
    ),
    "device": lambda: torch.device("meta"),
    "default device": lambda: changed(lambda: None, torch.set_default_device, "meta"),
    "deterministic": lambda: changed(
        torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode, "error"
    ),
    "deterministic, warn only": lambda: changed(
        torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode, "warn"
    ),
    "anomaly": torch.autograd.detect_anomaly,
    "autocast bfloat16": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "autocast float16": lambda: torch.autocast("cpu", dtype=torch.float16),
    "no saved tensors hooks": lambda: GRAPH.disable_saved_tensors_hooks("none"),
    "saved tensors hooks": lambda: GRAPH.saved_tensors_hooks(lambda t: t.clone(), lambda t: t),
    "saved tensors on the CPU": GRAPH.save_on_cpu,
    "mutation of saved tensors": GRAPH.allow_mutation_on_saved_tensors,
    "function mode": _Functions,
    "dispatch mode": _Dispatch,
    "matmul precision": lambda: changed(
        torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "medium"
    ),
    "two threads": lambda: changed(torch.get_num_threads, torch.set_num_threads, 2),
    "flushed denormals": lambda: changed(lambda: False, torch.set_flush_denormal, True),
    "autograd in one thread": lambda: torch.autograd.set_multithreading_enabled(False),
    "no fast path": lambda: changed(
        torch.backends.mha.get_fastpath_enabled, torch.backends.mha.set_fastpath_enabled, False
    ),
    "swapped parameters": lambda: changed(
        FUTURE.get_swap_module_params_on_conversion,
        FUTURE.set_swap_module_params_on_conversion,
        True,
    ),
    "forward gradients": torch.autograd.forward_ad.dual_level,
    "hooks of all modules": hooked,
}
FOLDER: list[Any] = []
CALLS = {
    **{"train": train, "train images": train_images, "own module": lambda: train(model=OWN)},
    **{"sample": sample, "decode": decode, "learn": learn, "meta": meta, "guide": guided},
    **{"compare": compare, "sweep": remember, "flow": flow, "run": experiment(FOLDER)},
}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    """Return what each call gives under torch's own settings."""
    FOLDER[:] = [tmp_path_factory.mktemp("store")]
    return {name: call() for name, call in CALLS.items()}


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_a_setting_of_torch_around_a_call_changes_nothing(setting, expected):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Anomaly Detection|torch.set_default_tensor_type")
        with setting():
            found = {name: call() for name, call in CALLS.items()}
    # Sums of other parts, or by another kernel where the processor has bfloat16: up to rounding.
    if setting in (SETTINGS["two threads"], SETTINGS["matmul precision"]):
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)
        return
    assert not [name for name in CALLS if not torch.equal(found[name], expected[name])]


TRANSFORMS = {
    "vmap": lambda f: torch.func.vmap(f)(torch.stack([X, X])),
    "grad": lambda f: torch.func.grad(lambda x: f(x).sum())(X),
    "jvp": lambda f: torch.func.jvp(f, (X,), (X,)),
}


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_a_transform_around_a_call_works_or_is_one_error(transform):
    for call in (train, meta):
        with pytest.raises(ValueError, match=r"^this cannot be computed inside a transform"):
            transform(call)
    if transform is TRANSFORMS["grad"]:
        assert transform(compare).isfinite().all()
        return
    with pytest.raises(ValueError, match=r"^this cannot be computed inside a transform"):
        transform(compare)
