"""Meta-learn a start, and adapt it to new tasks."""

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor, nn

from ibcore.metainit.adapt import adapt, predict
from ibcore.metainit.inner import Parameters, Points, TaskLoss
from ibcore.metainit.maml import meta_gradient
from ibcore.metainit.outer import Fitted, Outer, OuterOptimizer, Progress, descend
from ibcore.metainit.reptile import mean_loss, reptile_gradient
from ibcore.metainit.start import RateKind, Start, first_start
from ibcore.tasks.episodes import Episodes
from ibcore.training import Loss

Tasks = Episodes | tuple[Points, Points]


class MetaLearner:
    """A network's start, learned so that a few gradient steps on a new task go far.

    ============ ==========================================================================
    MAML         ``rates="fixed"``, with ``first_order=True`` its cheaper version
    Meta-SGD     ``rates="each"``, as in the paper's public code
    ANIL         ``adapted=("head",)``, the name of the last module
    Reptile      ``reptile=True, rates="fixed"`` and several inner steps
    pre-training ``inner_steps=0, rates="fixed"``: see `ibcore.metainit.pooled`
    ============ ==========================================================================

    Parameters
    ----------
    model
        Fixes the computation; the module itself is never changed.
    params
        The weights to begin with, on the device to compute on; None for a copy of the model's.
    rate
        The inner rate, or where learned rates begin.
    rates
        ``"fixed"``, one ``"shared"`` learned number, or a learned number for ``"each"`` weight.
    adapted
        Names of modules or parameters that the inner loop moves; None for all.
    inner_steps, first_order, loss, task_chunk, vectorize
        As in `meta_gradient`.
    reptile
        Whether to follow `reptile_gradient` on the support sets in place of the meta-gradient.

    Attributes
    ----------
    start
        The current initial weights and rates; `fit` replaces it by the best it has seen.

    Raises
    ------
    ValueError
        If an option is unknown or does not go with another.

    References
    ----------
    Bencomo et al. (2025), with Meta-SGD (Li et al., 2017) and one inner step.

    Examples
    --------
    >>> import torch
    >>> from ibcore.nets import MLP
    >>> from ibcore.tasks.episodes import table_episodes
    >>> x, table = torch.eye(4), torch.tensor([[0.0, 0, 1, 1], [1, 1, 0, 0]])
    >>> learner = MetaLearner(MLP(4, 1, depth=1, width=8), rate=0.5, loss="binary")
    >>> draw = lambda step: table_episodes(x, table, tasks=4, support=3, seed=step)
    >>> fitted = learner.fit(draw, steps=60, learning_rate=0.03)
    >>> bool(fitted.losses[-10:].mean() < fitted.losses[:10].mean())
    True
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        params: Mapping[str, Tensor] | None = None,
        rate: float = 1e-3,
        rates: RateKind = "each",
        adapted: Sequence[str] | None = None,
        inner_steps: int = 1,
        first_order: bool = False,
        reptile: bool = False,
        loss: Loss | TaskLoss = "mse",
        task_chunk: int | None = None,
        vectorize: bool = True,
    ) -> None:
        if reptile and (rates != "fixed" or first_order or inner_steps < 1):
            raise ValueError(
                "Reptile has at least one inner step, fixed rates and no order to choose; got "
                f"inner_steps={inner_steps}, rates={rates!r}, first_order={first_order}"
            )
        names = None if adapted is None else tuple(adapted)
        self.model, self.kind, self.reptile = model, rates, reptile
        self.inner_steps, self.first_order, self.loss = inner_steps, first_order, loss
        self.task_chunk, self.vectorize = task_chunk, vectorize
        self.start = first_start(model, params, rate=rate, kind=rates, adapted=names)

    def fit(
        self,
        draw: Callable[[int], Tasks],
        *,
        steps: int,
        optimizer: OuterOptimizer = "adamw",
        learning_rate: float = 1e-3,
        weight_decay: float = 0.01,
        clip: float | None = 1.0,
        validation: Sequence[Tasks] = (),
        validate_every: int = 250,
        patience: int | None = 20,
        on_step: Progress | None = None,
    ) -> Fitted:
        """Learn from tasks, and keep the start that does best in validation.

        Parameters
        ----------
        draw
            Gives the tasks of step 0, 1, ...: support and query sets.
        steps, optimizer, learning_rate, weight_decay, clip, validate_every, patience, on_step
            As in `Outer`.
        validation
            Batches of tasks whose mean query loss after adaptation is the validation loss; with
            none the last start is kept.

        Raises
        ------
        ValueError
            If an option is out of range, or tasks do not fit the model.
        FloatingPointError
            If a loss becomes infinite or nan; ``start`` then stays as it was.
        """
        outer = Outer(
            steps,
            optimizer,
            learning_rate,
            weight_decay,
            clip,
            validate_every,
            patience,
            on_step,
        )

        def gradient(start: Start, step: int) -> tuple[Tensor, Start]:
            return self._gradient(start, draw(step))

        def judge(start: Start) -> float:
            return self._validate(start, validation)

        fitted = descend(
            self.start,
            gradient,
            outer=outer,
            kind=self.kind,
            judge=judge if len(validation) else None,
        )
        self.start = fitted.best.copy()
        return fitted

    def adapt(
        self, support: Points, *, inner_steps: int | None = None, start: Start | None = None
    ) -> Parameters:
        """Return the weights of each task after its inner steps; the start is not changed.

        Parameters
        ----------
        support
            Inputs and targets of each task.
        inner_steps
            None for as many as in training.
        start
            None for the learner's own.
        """
        begin = self.start if start is None else start
        return adapt(
            self.model,
            begin.params,
            begin.rates,
            support,
            inner_steps=self.inner_steps if inner_steps is None else inner_steps,
            loss=self.loss,
            task_chunk=self.task_chunk,
            vectorize=self.vectorize,
        )

    def predict(self, support: Points, x: Tensor, *, inner_steps: int | None = None) -> Tensor:
        """Adapt to each task and evaluate it on its own inputs: ``(tasks, n, ...)``."""
        stacked = self.adapt(support, inner_steps=inner_steps)
        options = {"task_chunk": self.task_chunk, "vectorize": self.vectorize}
        return predict(self.model, stacked, x, **options)  # type: ignore[arg-type]

    def _gradient(self, start: Start, tasks: Tasks) -> tuple[Tensor, Start]:
        options = {
            "inner_steps": self.inner_steps,
            "loss": self.loss,
            "task_chunk": self.task_chunk,
            "vectorize": self.vectorize,
        }
        place = self.model, start.params, start.rates, tasks[0]
        if self.reptile:
            loss, away = reptile_gradient(*place, **options)  # type: ignore[arg-type]
            return loss, Start(away, {})
        loss, slopes = meta_gradient(*place, tasks[1], first_order=self.first_order, **options)  # type: ignore[arg-type]
        return loss, Start(slopes["params"], slopes["rates"])

    def _validate(self, start: Start, validation: Sequence[Tasks]) -> float:
        """Return the query loss after adaptation, averaged over all tasks."""
        total, count = 0.0, 0
        for support, query in (batch[:2] for batch in validation):
            loss = mean_loss(
                self.model,
                self.adapt(support, start=start),
                query,
                loss=self.loss,
                task_chunk=self.task_chunk,
                vectorize=self.vectorize,
            )
            total, count = total + loss.item() * len(query[0]), count + len(query[0])
        return total / count
