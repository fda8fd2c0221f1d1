"""Masks found by optimisation: where the network looks, of the size asked for, and reproducible."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from tests.attribution import looking
from tests.attribution.original_masks import Energy, original
from vidsal.attribution import _mask_search, _pass, _variants
from vidsal.attribution._mask_generator import MaskGenerator
from vidsal.attribution._mask_losses import area_loss, core_kernel, core_loss
from vidsal.attribution.extremal_perturbation_2d import extremal_perturbation_2d
from vidsal.attribution.extremal_perturbation_3d import extremal_perturbation_3d
from vidsal.attribution.spatiotemporal_perturbation import spatiotemporal_perturbation
from vidsal.errors import InputError

METHODS = [extremal_perturbation_2d, extremal_perturbation_3d, spatiotemporal_perturbation]
FAST = looking.CELLS | {"iterations": 40}
# The box is 4 % of the clip, and of the volume with margin 2 %.
AREA = 0.06
TASK = _mask_search.Search("test", [AREA], "preserve", "fade", 75, 4, 4, 0)


def kept(mask: torch.Tensor, area: float) -> torch.Tensor:
    """Return what extremal_perturbation_3d adds to the reward."""
    return 3 * area_loss(mask.flatten(), area)


@pytest.fixture(scope="module")
def box():
    """The network that looks at a box, and its clip."""
    return looking.model(), looking.clip()


@pytest.fixture(params=METHODS, ids=lambda method: method.__name__)
def method(request):
    small = {"core_frames": 3, "core_size": 9}
    step = request.param is spatiotemporal_perturbation

    def call(model, clip, target, **options):
        return request.param(model, clip, target, **FAST | (small if step else {}) | options)

    call.__name__ = request.param.__name__
    return call


def padded_area(mask: torch.Tensor) -> int:
    """Return how many voxels of the volume with margin a mask should hold at AREA."""
    generator = MaskGenerator(looking.SHAPE[1:], 4, 4, mask)
    return round(AREA * looking.SHAPE[0] * generator.padded[0] * generator.padded[1])


@pytest.mark.parametrize("perturbation", ["fade", "blur"])
def test_the_preserved_part_is_where_the_network_looks(box, method, perturbation):
    model, clip = box
    if perturbation == "blur":
        # Dark around the box, so that a blur takes the light away.
        clip = clip.clone()
        outside = torch.ones(looking.SHAPE, dtype=torch.bool)
        outside[looking.BOX] = False
        clip[:, outside] -= 1
    mask = method(model, clip, 1, areas=[AREA], perturbation=perturbation)
    assert mask.shape == looking.SHAPE
    assert mask[looking.BOX].mean() > 5 * mask.mean()
    assert mask[looking.BOX].mean() > 0.6
    assert looking.inside(mask, 0.12) > 0.85


def test_deleted_and_preserved_parts_agree_and_dual_is_both(box, method):
    model, clip = box
    found = {}
    for variant in ("preserve", "delete", "dual"):
        forward = _pass.PASSES.forward
        found[variant] = method(model, clip, 1, areas=[AREA], variant=variant)
        assert _pass.PASSES.forward - forward == FAST["iterations"] * (1 + (variant == "dual"))
        assert found[variant][looking.BOX].mean() > 4 * found[variant].mean()
    preserved, deleted, dual = (found[key].flatten() for key in ("preserve", "delete", "dual"))
    assert torch.corrcoef(torch.stack([preserved, deleted]))[0, 1] > 0.6
    for other in (preserved, deleted):
        assert torch.corrcoef(torch.stack([dual, other]))[0, 1] > 0.6


def test_the_mask_has_the_size_asked_for(box):
    # What is bright in the volume with margin; here the mask lies in its middle.
    model, clip = box
    for area in (AREA, 0.15):
        mask = extremal_perturbation_3d(model, clip, 1, areas=[area], **FAST)
        wanted = padded_area(mask) * area / AREA
        assert (mask > 0.5).sum() == pytest.approx(wanted, rel=0.3)


def test_every_frame_has_the_same_area_or_the_volume_has(box):
    model, clip = box
    frames = extremal_perturbation_2d(model, clip, 1, areas=[AREA], **FAST).sum(dim=(1, 2))
    volume = extremal_perturbation_3d(model, clip, 1, areas=[AREA], **FAST).sum(dim=(1, 2))
    assert frames.min() > 0.5 * frames.max()
    assert volume[[0, 3]].max() < 0.5 * volume[[1, 2]].min()


def test_several_areas_are_the_mean_of_each(box, method):
    model, clip = box
    alone = [method(model, clip, 1, areas=[area]) for area in (AREA, 0.2)]
    both = method(model, clip, 1, areas=[AREA, 0.2])
    torch.testing.assert_close(both, (alone[0] + alone[1]) / 2, atol=1e-3, rtol=0)


def test_the_batch_size_changes_nothing(box, method):
    model, clip = box
    found = []
    for size in (1, 3):
        with _variants.batch(size):
            found.append(method(model, clip.double(), 1, areas=[AREA, 0.2, 0.3], iterations=12))
    torch.testing.assert_close(*found, atol=1e-9, rtol=0)


def test_the_seed_settles_everything(box, method):
    model, clip = box
    first, again, other = (method(model, clip, 1, areas=[AREA], seed=seed) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    # What begins a little differently ends in the same place, or next to it.
    assert (first - other).abs().max() < 0.3


def test_the_seed_sets_where_masks_begin(box):
    model, clip = box
    begun = [
        next(_mask_search.descent(model, clip, 1, dataclasses.replace(TASK, seed=seed), kept))
        for seed in (3, 3, 4)
    ]
    assert torch.equal(begun[0], begun[1])
    assert 0 < (begun[0] - begun[2]).abs().max() <= _mask_search.JITTER


def test_a_few_passes_are_as_good_as_the_published_descent(box):
    """Both minimise the same function, so their results can be compared in it."""
    model, clip = box
    energy = Energy(model.net, clip, 1, AREA, cell=4, sigma=4)
    long, _, _ = original(energy, 600)
    *_, short = _mask_search.descent(model, clip, 1, TASK, kept)
    assert value(energy, short[0]) <= value(energy, long) + 0.02


def value(energy: Energy, parameters: torch.Tensor) -> float:
    padded = energy.masks(parameters)
    with torch.no_grad():
        return float(sum(energy.parts(padded, energy.masks.crop(padded), 0)))


class Everywhere(torch.nn.Module):
    """Class 1 where the clip is bright, wherever that is."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.tensor(40.0))

    def forward(self, x):
        seen = x.mean(dim=(1, 2, 3, 4))
        return torch.stack([torch.zeros_like(seen), self.gain * (seen - 0.2)], dim=1)


def test_masks_gather_in_cores_where_that_counts(box):
    """Of a network that looks everywhere: cores fuller or emptier than without their loss."""
    model, clip = box
    everywhere, found = dataclasses.replace(model, net=Everywhere()), []
    kernel = core_kernel("ellipsoid", 3, 9)
    for weight in (0, 300):

        def in_cores(mask, area, weight=weight):
            return 1700 * area_loss(mask.flatten(), area) + weight * core_loss(mask, area, kernel)

        *_, best = _mask_search.descent(everywhere, clip, 1, TASK, in_cores)
        padded = MaskGenerator(looking.SHAPE[1:], 4, 4, best)(best)[0]
        found.append(core_loss(padded, AREA, kernel))
    assert found[1] < 0.8 * found[0]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("areas", []),
        ("areas", [0.0]),
        ("areas", [0.1, 1.0]),
        ("variant", "keep"),
        ("perturbation", "burn"),
        ("iterations", 0),
        ("cell", 0),
        ("sigma", 0),
    ],
)
def test_impossible_options_are_refused(box, method, option, value):
    with pytest.raises(InputError, match=f"{option} .* in the options of"):
        method(*box, 1, **{option: value})


@pytest.mark.parametrize("option", [{"core": "cube"}, {"core_frames": 0}, {"core_size": 2}])
def test_impossible_cores_are_refused(box, option):
    with pytest.raises(InputError, match=next(iter(option))):
        spatiotemporal_perturbation(*box, 1, **FAST, **option)


def test_a_target_that_does_not_exist_is_refused(box, method):
    with pytest.raises(InputError, match="target class 2"):
        method(*box, 2)
