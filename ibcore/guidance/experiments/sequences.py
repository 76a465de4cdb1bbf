"""Guidance token by token: how tokens are compared, guides of tokens, and distillation."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ibcore.guidance.experiments.readers import read
from ibcore.guidance.guides import Batch
from ibcore.guidance.similarity import cka


@dataclass(frozen=True)
class TokenCKA:
    """Biased linear CKA with the tokens of all sequences as points: (n, t p) to (n t, p).

    Examples
    --------
    >>> x = torch.rand(6, 8, generator=torch.Generator().manual_seed(0))
    >>> round(TokenCKA(tokens=4)(x, x.reshape(24, 2).flip(1).reshape(6, 8)).item(), 4)
    1.0
    """

    tokens: int

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the similarity of two layers."""
        x, y = (z.reshape(len(z) * self.tokens, -1) for z in (x, y))  # (n * t, p)
        return cka(x, y, unbiased=False)


class AnswerGuide:
    """The answers at each token, one-hot, (b, t, classes); zeros where none is asked for.

    Examples
    --------
    >>> batch = Batch(torch.zeros(1, 2), torch.tensor([[-100, 1]]), torch.arange(1))
    >>> AnswerGuide(3)(batch)["answers"].tolist()
    [[[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]
    """

    fixed = True

    def __init__(self, classes: int) -> None:
        self.classes = classes

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return the answers of a batch."""
        asked = batch.y >= 0
        answers = functional.one_hot(batch.y.where(asked, torch.zeros_like(batch.y)), self.classes)
        return {"answers": (answers * asked[..., None]).float()}


class InputGuide:
    """The tokens themselves, one-hot, (b, t, vocabulary).

    Examples
    --------
    >>> batch = Batch(torch.tensor([[2, 0]]), torch.zeros(1), torch.arange(1))
    >>> InputGuide(3)(batch)["inputs"].tolist()
    [[[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]]
    """

    fixed = True

    def __init__(self, vocabulary: int) -> None:
        self.vocabulary = vocabulary

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return the tokens of a batch."""
        return {"inputs": functional.one_hot(batch.x, self.vocabulary).float()}


class TokenDistillation:
    r"""Half the task, half the outputs of a teacher at each token where an answer is asked for.

    .. math:: \tfrac12\,\mathrm{CE}(y, p) + \tfrac12\,T^2\,\mathrm{KL}(q^T\,\Vert\,p^T),\quad T = 2

    as in `ibcore.guidance.Distillation`, with means over tokens.

    Parameters
    ----------
    teacher
        Any module with logits (n, t, classes), of which the target's answers are the first.
    x
        All data.

    References
    ----------
    Hinton, Vinyals and Dean (2015).

    Examples
    --------
    >>> from ibcore.guidance.experiments.readers import SequenceRNN
    >>> net, x = SequenceRNN(3, 3, width=4), torch.tensor([[2, 0]])
    >>> same = TokenDistillation(net, x)(net(x), Batch(x, x, torch.arange(1)))
    >>> half = functional.cross_entropy(net(x).flatten(0, 1), x.flatten()) / 2
    >>> round((same - half).item(), 6)
    0.0
    """

    temperature = 2.0

    def __init__(self, teacher: nn.Module, x: Tensor) -> None:
        self.logits = read(teacher, x)

    def __call__(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the loss of a batch."""
        asked = batch.y >= 0
        own, labels = outputs[asked], batch.y[asked]  # (tokens, answers)
        known = self.logits[batch.rows][asked][:, : own.shape[-1]]
        teacher = (known / self.temperature).log_softmax(-1)
        student = (own / self.temperature).log_softmax(-1)
        gap = functional.kl_div(student, teacher, reduction="batchmean", log_target=True)
        return (functional.cross_entropy(own, labels) + self.temperature**2 * gap) / 2
