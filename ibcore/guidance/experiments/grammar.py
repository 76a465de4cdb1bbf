"""Text from a probabilistic grammar with nested phrases, of which the entropy is known."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ibcore.guidance.experiments.sequence_tasks import Part, Tokens, part_generator
from ibcore.runtime import generator

_SHARPNESS = 2.0  # of the probabilities of words


@dataclass(frozen=True)
class Nested:
    r"""Text of a probabilistic grammar with nested phrases, whose entropy is known.

    A phrase is a chain of words, each drawn given the word before.  At each place it may be
    interrupted by a phrase inside brackets of one of several kinds, after whose end it goes on from
    the word before.  With the stack of open phrases :math:`s`, which all earlier tokens determine,

    .. math:: p(\text{open } k) = o/K,\quad p(\text{close the last}) = c,\quad
              p(w) = (1 - o - c)\,P_{s, w}

    with o = 0 at the greatest depth and c = 0 outside all brackets.  The floor is the mean of
    :math:`-\log p` over the answers, the next tokens.  The table P is softmax of normal numbers
    times 2, drawn once with seed 0; its rows are the word before, or the kind of bracket.

    Examples
    --------
    >>> x, y, floor = Nested().draw("train", 50, 0)
    >>> x.shape, bool((x[:, 1:] == y[:, :-1]).all()), 2 < floor < 2.3
    (torch.Size([50, 24]), True, True)
    """

    words: int = 12
    kinds: int = 6
    depth: int = 4
    length: int = 24
    opens: float = 0.25
    closes: float = 0.3

    @property
    def vocabulary(self) -> int:
        """Number of tokens: words, opening and closing brackets."""
        return self.words + 2 * self.kinds

    @property
    def answers(self) -> int:
        """Number of answers: all tokens."""
        return self.vocabulary

    def probabilities(self, kinds: Tensor, before: Tensor, level: Tensor) -> Tensor:
        """Return the probability of each next token, (n, vocabulary), float64.

        ``kinds`` (n, depth) and ``before`` (n, depth + 1) are the stack: the bracket that opened
        each phrase, and the row of the table for its next word; ``level`` (n,) its height.
        """
        rows = torch.arange(len(level))
        p = torch.zeros(len(level), self.vocabulary, dtype=torch.float64)
        opens = self.opens * (level < self.depth).double()
        closes = self.closes * (level > 0).double()
        p[:, : self.words] = (1 - opens - closes)[:, None] * self._table()[before[rows, level]]
        p[:, self.words : self.words + self.kinds] = (opens / self.kinds)[:, None]
        last = kinds[rows, (level - 1).clamp(min=0)]
        p[rows, self.words + self.kinds + last] = closes
        return p

    def draw(self, part: Part, count: int, seed: int) -> Tokens:
        """Return so many texts, each from its beginning."""
        rng, rows = part_generator(part, seed), torch.arange(count)
        kinds = torch.zeros(count, self.depth, dtype=torch.int64)
        before = torch.full((count, self.depth + 1), self.words + self.kinds)
        level = torch.zeros(count, dtype=torch.int64)
        said, surprise = [], []
        for _ in range(self.length + 1):
            p = self.probabilities(kinds, before, level)
            token = torch.multinomial(p, 1, generator=rng)[:, 0]
            said.append(token)
            surprise.append(-p[rows, token].log())
            self._follow(token, kinds, before, level)
        text = torch.stack(said, 1)  # (n, length + 1)
        return Tokens(text[:, :-1], text[:, 1:], torch.stack(surprise[1:]).mean().item())

    def _follow(self, token: Tensor, kinds: Tensor, before: Tensor, level: Tensor) -> None:
        """Bring the stack up to date, in place."""
        opened = (token >= self.words) & (token < self.words + self.kinds)
        word, closed = token < self.words, token >= self.words + self.kinds
        before[word, level[word]] = token[word]
        kinds[opened, level[opened]] = token[opened] - self.words
        level += opened.long() - closed.long()
        before[opened, level[opened]] = token[opened]

    def _table(self) -> Tensor:
        """Return the probability of a word after each word, in each bracket and at the start."""
        shape = (self.words + self.kinds + 1, self.words)
        drawn = torch.randn(shape, generator=generator(0), dtype=torch.float64)
        return (_SHARPNESS * drawn).softmax(1)
