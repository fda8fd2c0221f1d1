"""captum: any attribution class of the captum library by its name, its result as a map.

`attribute: DeepLiftShap` and `arguments: {...}` are what captum's own manual documents; the result
is summed over channels. captum works on a copy of the network that shares its weights, so that
hooks which it leaves behind after an error are nobody's. Where it tells how far the parts are from
adding up to the whole, this is noted as `completeness_error`, in logits. Kokhlikyan et al.,
"Captum: A Unified and Generic Model Interpretability Library for PyTorch", 2020 (arXiv 2009.07896).
"""

from __future__ import annotations

import dataclasses
import inspect

import torch
from torch import Tensor, nn

from vidsal.attribution import _pass, _precision, _variants
from vidsal.attribution._baseline import baseline as make_baseline
from vidsal.attribution._layer import pick_layer
from vidsal.attribution._lent import copied, heard, seeded, unshare
from vidsal.attribution._maps import unfold
from vidsal.attribution._notes import note
from vidsal.attribution._state import backward_through_rnn, untouched
from vidsal.attribution._supervoxels import supervoxels
from vidsal.errors import InputError
from vidsal.models import VideoModel

# What an instance needs of us, and a call of its `attribute`; classes that need more are left out.
MAKING = {"forward_func", "model", "layer"}
ASKING = {"inputs", "target", "baselines", "neuron_selector", "sliding_window_shapes"}
SIZES = {"perturbations_per_eval", "internal_batch_size"}
# They exchange features between the clips of a batch, and here there is one clip.
PERMUTING = {"FeaturePermutation", "LayerFeaturePermutation"}
# Supervoxels of which captum can try all orders: 8! is 40,320.
ORDERED = 8
# They keep what a module saw, and so refuse one that runs twice, as the ReLU of a ResNet's block.
KEEPING = ("DeepLift", "LRP")


def captum(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    attribute: str = "DeepLiftShap",
    arguments: dict | None = None,
    layer: str | int | None = None,
    segments: int = 64,
    seed: int = 0,
) -> Tensor:
    """Return captum's map of a clip (C,T,H,W), signed: (T,H,W), or (T',h,w) for classes of a layer.

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        attribute: name of a class in `captum.attr`.
        arguments: keyword arguments of the class and of its `attribute`; lists are given as tuples,
            `baselines` is one of vidsal's by name, or a list of them (where captum wants some and
            none are given, mean and black).
        layer: for classes that look at a layer: its path, or a number in the model's own list.
        segments: supervoxels wanted, for classes that ask about features one by one.
        seed: of the random numbers that captum draws.
    """
    kind = _class(attribute)
    making, asking = _split(kind, arguments or {})
    path = pick_layer(model, layer) if "layer" in _needs(kind) else ""
    with untouched(model.net), torch.enable_grad(), seeded(seed), heard():
        own = dataclasses.replace(model, net=copied(model.net))
        if any(word in attribute for word in KEEPING):
            unshare(own, clip)
        if path:
            making["layer"] = own.net.get_submodule(path)
        # Some classes of captum need this of their input and do not see to it.
        batch = clip.detach()[None].requires_grad_()
        call = _filled(model, clip, target, kind, asking, segments)
        try:
            with backward_through_rnn(own.net):
                found = kind(_Counted(own, target), **making).attribute(batch, **call)
        except (InputError, torch.OutOfMemoryError):
            raise
        except Exception as error:
            raise InputError(
                f"captum cannot explain {model.name}: {attribute} ends in "
                f"{type(error).__name__}: {' '.join(str(error).split())}; take another class, "
                "other arguments, or a method of vidsal's own"
            ) from error
    return _as_map(model, clip, path, _noted(found, call))


def classes() -> dict[str, type]:
    """Return the classes of captum that can be named, by their name.

    Raises:
        InputError: captum is not installed.
    """
    try:
        from captum import attr
    except ImportError as error:
        raise InputError("captum is not installed; run pip install captum") from error
    found = {name: kind for name, kind in vars(attr).items() if inspect.isclass(kind)}
    return {name: kind for name, kind in sorted(found.items()) if _usable(kind, attr.Attribution)}


class _Counted(nn.Module):
    """The network as captum sees it: its passes are counted, its class numbers checked."""

    def __init__(self, model: VideoModel, target: int) -> None:
        super().__init__()
        self.net = model.net
        self.of = model
        self.target = target

    def forward(self, clips: Tensor) -> Tensor:
        with _precision.trunk(self.of):
            logits = self.net(clips)
        _pass.check_target(logits, self.target)
        _pass.PASSES.forward += len(clips)
        if logits.requires_grad:
            logits.register_hook(_count_backward)
        return logits


def _count_backward(gradient: Tensor) -> None:
    _pass.PASSES.backward += len(gradient)


def _class(name: str) -> type:
    known = classes()
    if name not in known:
        raise InputError(
            f"attribute {name!r} in the options of captum: no such class; take one of "
            f"{', '.join(known)}"
        )
    return known[name]


def _usable(kind: type, root: type) -> bool:
    if not issubclass(kind, root) or inspect.isabstract(kind) or not hasattr(kind, "attribute"):
        return False
    if kind.__name__ in PERMUTING:
        return False
    return bool(_needs(kind) & MAKING) and _needs(kind) <= MAKING and _needs_asked(kind) <= ASKING


def _needs(kind: type) -> set[str]:
    """Return the arguments without which there is no instance."""
    return _without_default(_parameters(kind.__init__))


def _needs_asked(kind: type) -> set[str]:
    return _without_default(_parameters(kind.attribute))


def _without_default(parameters: dict[str, inspect.Parameter]) -> set[str]:
    return {name for name, own in parameters.items() if own.default is own.empty}


def _parameters(function: object) -> dict[str, inspect.Parameter]:
    rest = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    found = inspect.signature(function).parameters
    return {n: own for n, own in found.items() if n != "self" and own.kind not in rest}


def _split(kind: type, arguments: dict) -> tuple[dict, dict]:
    """Return the arguments of the class and those of its `attribute`, lists as tuples."""
    making = _parameters(kind.__init__).keys() - MAKING
    asking = _parameters(kind.attribute).keys() - {"inputs", "target"}
    for name in arguments:
        if name not in making | asking:
            raise InputError(
                f"arguments {name!r} in the options of captum: {kind.__name__} has no such "
                f"argument; it has {', '.join(sorted(making | asking))}"
            )
    given = {name: _tuples(value) for name, value in arguments.items()}
    return (
        {name: value for name, value in given.items() if name in making},
        {name: value for name, value in given.items() if name not in making},
    )


def _tuples(value: object) -> object:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _filled(
    model: VideoModel, clip: Tensor, target: int, kind: type, asking: dict, segments: int
) -> dict:
    """Return the arguments of `attribute`: those given, and what this clip and we know better."""
    has = _parameters(kind.attribute)
    call = {name: _variants.batch_size() for name in SIZES & has.keys()} | asking
    if "target" in has:
        call["target"] = target
    if "return_convergence_delta" in has:
        call["return_convergence_delta"] = True
    if "feature_mask" in has and "feature_mask" not in call:
        call["feature_mask"] = _pieces(model, clip, kind, segments)
    if "baselines" in _needs_asked(kind):
        call.setdefault("baselines", ("mean", "black"))
    if "baselines" in call:
        names = call["baselines"]
        names = [names] if isinstance(names, str) else names
        made = [make_baseline(model, clip, name).expand_as(clip) for name in names]
        call["baselines"] = torch.stack(made)
    return call


def _pieces(model: VideoModel, clip: Tensor, kind: type, segments: int) -> Tensor:
    """Return the supervoxels (1,1,T,H,W) that stand for features."""
    labels = supervoxels(model, clip, segments)
    count = int(labels.max()) + 1
    if kind.__name__ == "ShapleyValues" and count > ORDERED:
        raise InputError(
            f"segments {segments} in the options of captum: ShapleyValues asks about all {count}! "
            f"orders; set `segments` to {ORDERED - 2} or less, or take ShapleyValueSampling"
        )
    return labels[None, None]


def _noted(found: object, call: dict) -> object:
    if not call.get("return_convergence_delta"):
        return found
    parts, errors = found
    note("completeness_error", float(max(errors.tolist(), key=abs)))
    return parts


def _as_map(model: VideoModel, clip: Tensor, path: str, found: object) -> Tensor:
    """Return captum's result summed over channels."""
    if not isinstance(found, Tensor):
        raise InputError(
            f"layer {path!r} in the options of captum: gives {len(found)} results; choose a layer "
            "with one feature map"
        )
    found = found.detach().to(clip.dtype)
    if found.shape[0] == 1 and found.shape[2:] == clip.shape[1:]:
        return found[0].sum(dim=0)
    return unfold(model, path, found, tuple(clip.shape[1:])).sum(dim=0)
