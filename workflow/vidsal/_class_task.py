"""What a classifier learns: the classes of clips, each clip for itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import numpy as np
from torch import Tensor, nn

from vidsal import _loss, _sampling
from vidsal._recipe import Recipe
from vidsal._sampling import ORDER, Clip, Sample, generator
from vidsal.asking import ask
from vidsal.models import VideoModel


class Classifying:
    """The task of a training: which clips make a step, what they cost, how good the answers are.

    A training knows no more of its network than this. Other tasks have the same methods.

    Attributes:
        score: what is high for a good network, as the history calls it.
        sampling: model and the option `sampling` to how clips are sampled.
    """

    score = "accuracy"
    sampling = staticmethod(_sampling.chosen)

    def __init__(
        self,
        model: VideoModel,
        train_clips: Sequence[Sample],
        val_clips: Sequence[Sample],
        recipe: Recipe,
    ) -> None:
        """Take the videos of both splits.

        Raises:
            InputError: labels or weights of classes that the network does not know.
        """
        self.model, self.recipe = model, recipe
        self.learn = _sampling.source(model, train_clips, recipe)
        self.validate = _sampling.source(model, val_clips, recipe)
        _loss.check_labels(model, self.learn.labels() + self.validate.labels())
        self.class_weights = _loss.class_weights(model, self.learn.labels(), recipe)

    def batches(self, epoch: int) -> list[list[int]]:
        """Return the clips of each step of an epoch."""
        order = generator(self.recipe, epoch, ORDER).permutation(len(self.learn.places))
        return _sampling.batches(order.tolist(), self.recipe.batch_size)

    def changed(self, index: int, epoch: int) -> Clip:
        """Return a clip to learn from."""
        return self.learn.changed(index, epoch)

    def weight(self, chosen: Sequence[int]) -> float:
        """Return what a step's summed loss is divided by: the weights of its clips' classes."""
        places = [self.learn.places[index] for index in chosen]
        labels = [self.learn.samples[place.video][1] for place in places]
        return self.class_weights[labels].sum().item()

    def loss(
        self,
        made: Sequence[Clip],
        carried: dict[int, object],
        precision: Callable[[], AbstractContextManager],
    ) -> tuple[Tensor, tuple[float, float, float, int]]:
        """Return the summed loss of clips, and (loss, its weight, right answers, clips).

        Args:
            made: the clips.
            carried: what networks remember from step to step; classifiers nothing.
            precision: the context in which the network computes.
        """
        batch, targets = _sampling.stacked(made, self.model.device)
        with precision():
            logits = self.model.net(batch)
        weights = self.class_weights
        _loss.check_logits(self.model, logits, len(weights))
        loss = _loss.summed(logits, targets, weights, self.recipe.label_smoothing)
        right = (logits.detach().argmax(dim=1) == targets).sum().item()
        return loss, (loss.item(), weights[targets].sum().item(), right, len(made))

    def val_batches(self, rank: int, size: int) -> list[list[int]]:
        """Return the clips that one of `size` processes validates with, a batch each."""
        own = list(range(len(self.validate.places)))[rank::size]
        return _sampling.batches(own, -(-self.recipe.batch_size // self.recipe.processes))

    def plain(self, index: int) -> Clip:
        """Return a clip to validate with."""
        return self.validate.plain(index)

    def judged(self, made: Sequence[Clip], carried: dict[int, object]) -> np.ndarray:
        """Return (loss, its weight, right answers, clips) of the network as it is."""
        batch, targets = _sampling.stacked(made, self.model.device)
        logits = ask(self.model, batch)
        loss = nn.functional.cross_entropy(logits, targets, reduction="sum").item()
        right = (logits.argmax(dim=1) == targets).sum().item()
        return np.array([loss, len(made), right, len(made)], dtype=np.float64)

    def about(self) -> dict[str, object]:
        """Return what a user of the weights has to know of the network."""
        model = self.model
        options = {
            "size": list(model.preprocess.size),
            "mode": model.preprocess.mode,
            "length": model.length,
            "stride": model.stride,
            "hop": model.hop,
            "sampling": model.sampling,
        }
        return {"categories": list(model.categories or []), "options": options}
