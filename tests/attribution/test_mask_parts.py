"""Masks, what they do to a clip and what keeps them small agree with the original programs."""

from __future__ import annotations

import math
import zlib

import numpy as np
import pytest
import torch

from tests.attribution.original_masks import Energy, original
from tests.models import parity
from vidsal.attribution._mask_generator import MaskGenerator
from vidsal.attribution._mask_losses import area_loss, core_count, core_kernel, core_loss
from vidsal.attribution._mask_perturbation import Perturbation, pyramid
from vidsal.errors import InputError

TINY = "f1_extremal_perturbation_tiny"
METHODS = {"2d": "2d_ep", "3d": "3d_ep", "step": "step"}
VARIANTS = ("preserve", "delete", "dual")


class Tiny(torch.nn.Module):
    """The network of the parity fixture."""

    def __init__(self) -> None:
        super().__init__()
        self.c1 = torch.nn.Conv3d(3, 6, (3, 5, 5), stride=(1, 2, 2), padding=(1, 2, 2))
        self.c2 = torch.nn.Conv3d(6, 8, 3, stride=(1, 2, 2), padding=1)
        self.fc = torch.nn.Linear(8, 5)

    def forward(self, x):
        features = torch.relu(self.c2(torch.relu(self.c1(x))))
        return 8 * self.fc(features.mean(dim=(2, 3, 4)))


def draw(label: str) -> np.random.Generator:
    seed = parity.recipe(TINY)["base_seed"]
    return np.random.Generator(np.random.PCG64([seed, zlib.crc32(label.encode())]))


@pytest.fixture(scope="module")
def tiny():
    """The network, its clip and the parameters of a mask without ties."""
    net = Tiny()
    net.load_state_dict(parity.state(TINY))
    net.requires_grad_(False)
    clip = draw("ep_tiny_x").standard_normal((1, 3, 8, 56, 56)).astype(np.float32)[0]
    t0, t1, y0, y1, x0, x1 = parity.recipe(TINY)["block"]
    clip[:, t0:t1, y0:y1, x0:x1] += 2
    parameters = draw("ep_pmask").random((8, 1, 8, 8)).astype(np.float32)[:, 0]
    return net, torch.from_numpy(clip), torch.from_numpy(parameters)


@pytest.fixture(scope="module")
def masks(tiny):
    """Padded masks of the parity fixture and their parts in the frame."""
    generator = MaskGenerator((56, 56), 7, 11, tiny[2])
    padded = generator(tiny[2])
    return padded, generator.crop(padded)


@pytest.fixture(scope="module")
def reference(c3d):
    """Expected values, padded masks and their parts in the frame of the 3-D reference network."""
    expected = {key: torch.from_numpy(np.asarray(c3d.expected[key])) for key in c3d.expected.files}
    cfg, parameters = c3d.cfg, expected["ep_pmask0"]
    generator = MaskGenerator((16, 16), cfg["ep_step"], cfg["ep_sigma"], parameters)
    padded = generator(parameters)
    return expected, padded, generator.crop(padded)


def statistics(values: torch.Tensor) -> np.ndarray:
    rows = values.detach().double().numpy().reshape(len(values), -1)
    parts = [rows.mean(1), rows.std(1), rows.min(1), rows.max(1), np.abs(rows).sum(1)]
    return np.stack([*parts, *np.percentile(rows, [5, 25, 50, 75, 95], axis=1)], axis=1)


def assert_near(found: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-4) -> None:
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= tolerance * expected.abs().max()


def test_masks_of_parity(masks):
    padded, frame = masks
    parity.compare(TINY, "mg_mask_frame0_3", frame[[0, 3, 6]])
    parity.compare(TINY, "mg_mask_stats", statistics(frame))
    parity.compare(TINY, "mg_padded_frame1", padded[1])
    parity.compare(TINY, "mg_padded_stats", statistics(padded))


def test_sum_of_the_bumps(tiny):
    generator = MaskGenerator((56, 56), 7, 11, tiny[2])
    block = generator._weights.sum(dim=1).view(7, 7)
    parity.compare(TINY, "mg_weight_sum_over_k", block.repeat(12, 12)[:78, :78])


def test_masks_of_reference(reference):
    expected, padded, frame = reference
    assert_near(padded, expected["ep_mask0_padded"])
    assert_near(frame, expected["ep_mask0"])


def test_derivative_of_masks():
    parameters = torch.rand(1, 2, 3, dtype=torch.float64, requires_grad=True)
    generator = MaskGenerator((5, 9), 4, 2, parameters)
    assert generator.cells == (2, 3)
    assert torch.autograd.gradcheck(generator, (parameters,))


def test_masks_of_any_number_at_once():
    draw = torch.Generator().manual_seed(0)
    parameters = torch.rand(3, 2, 8, 8, generator=draw)
    generator = MaskGenerator((56, 56), 7, 11, parameters)
    for one, mask in zip(parameters, generator(parameters), strict=True):
        torch.testing.assert_close(generator(one), mask)


def test_fewer_places_give_nearly_the_same_masks(tiny):
    rough = torch.nn.functional.avg_pool2d(tiny[2], 3, stride=1, padding=1)
    exact, fast = (MaskGenerator((56, 56), 7, 11, rough, places) for places in (None, 4))
    apart = fast(rough) - exact(rough)
    assert fast(rough).shape == exact(rough).shape
    assert apart.square().mean().sqrt() < 0.01
    torch.testing.assert_close(fast(rough)[:, ::7, ::7], exact(rough)[:, ::7, ::7])


def test_full_and_empty_masks():
    generator = MaskGenerator((56, 56), 7, 11, torch.ones(1))
    empty, full = (generator.crop(generator(torch.full((1, 8, 8), float(v)))) for v in (0, 1))
    assert torch.equal(empty, torch.zeros(1, 56, 56))
    assert full.min() > 0.85  # the last cell ends before the corner
    assert full.median() > 0.98
    assert full.max() <= 1


def test_perturbation_of_parity(tiny, masks):
    clip, frame = tiny[1], masks[1]
    parity.compare(TINY, "blur_pyramid_frame2_sub", pyramid(clip)[:, :, 2, ::4, ::4])
    faded = torch.stack([clip * level / 7 for level in range(8)])
    parity.compare(TINY, "fade_pyramid_frame2_sub", faded[:, :, 2, ::4, ::4])
    for kind in ("blur", "fade"):
        worn = Perturbation(clip, kind)(frame[None])[0]
        parity.compare(TINY, f"{kind}_applied_frame2_sub", worn[:, 2, ::2, ::2])
        parity.compare(TINY, f"{kind}_applied_stats", statistics(worn.transpose(0, 1)))


def test_perturbation_of_reference(c3d, reference):
    expected, _, frame = reference
    sigma = c3d.cfg["ep_max_blur"]
    levels = pyramid(c3d.clips[0], sigma)[:, :, :2].permute(2, 0, 1, 3, 4)
    assert_near(levels[None], expected["ep_pyramid_blur"])
    shares = torch.arange(8)[:, None, None, None] / 7
    faded = c3d.clips[0].transpose(0, 1)[:2, None] * shares
    assert_near(faded[None], expected["ep_pyramid_fade"])
    for number, clip in enumerate(c3d.clips):
        kept = Perturbation(clip, "blur", sigma)(frame[number, None])[0]
        assert_near(kept, expected["ep_applied_blur_preserve"][number])
        taken = Perturbation(clip, "fade")(1 - frame[number, None])[0]
        assert_near(taken, expected["ep_applied_fade_delete"][number])


@pytest.mark.parametrize("kind", ["blur", "fade"])
def test_a_full_mask_leaves_the_clip_and_an_empty_one_nothing_sharp(tiny, kind):
    clip, seen = tiny[1], Perturbation(tiny[1], kind)
    torch.testing.assert_close(seen(torch.ones(2, 8, 56, 56))[1], clip)
    empty = seen(torch.zeros(1, 8, 56, 56))[0]
    assert empty.diff(dim=-1).abs().max() < 0.02 * clip.diff(dim=-1).abs().max()


@pytest.mark.parametrize("kind", ["blur", "fade"])
def test_derivative_of_the_perturbation(kind):
    draw = torch.Generator().manual_seed(0)
    clip = torch.randn(2, 1, 5, 6, dtype=torch.float64, generator=draw)
    masks = torch.rand(2, 1, 5, 6, dtype=torch.float64, generator=draw).requires_grad_()
    assert torch.autograd.gradcheck(Perturbation(clip, kind, 2.0), (masks,))


def test_area_of_parity(masks):
    padded = masks[0]
    parity.compare(TINY, "area_loss_3d_a0.1", area_loss(padded.flatten(), 0.1)[None])
    per_frame = area_loss(padded.flatten(1), 0.1).mean()
    parity.compare(TINY, "area_loss_2d_a0.1", per_frame[None])


def test_area_of_reference(c3d, reference):
    expected, padded, _ = reference
    area = c3d.cfg["ep_area"]
    frames = 300 * area_loss(padded.flatten(2), area).mean(dim=1)
    assert_near(frames.double(), expected["ep_regul_2d_ep"])
    volume = 300 * area_loss(padded.flatten(1), area)
    assert_near(volume.double(), expected["ep_regul_3d_ep"])


def test_area_of_full_and_empty_parts():
    mask = torch.tensor([1.0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
    assert area_loss(mask, 0.2) == pytest.approx(0, abs=1e-7)
    assert area_loss(mask, 0.5) == pytest.approx(0.3)
    assert area_loss(mask, 0.1) == pytest.approx(0.1)


def test_cores_of_parity(masks):
    padded = masks[0]
    for shape, frames, size in (("ellipsoid", 7, 11), ("cylinder", 7, 11), ("ellipsoid", 7, 5)):
        kernel, key = core_kernel(shape, frames, size), f"core_{shape}_{size}"
        known = parity.recipe(TINY)[key]
        assert kernel.sum() == known["kernel_ones"]
        assert core_count(padded.numel(), 0.1, tuple(kernel.shape)) == known["topk"]
        found = core_loss(padded, 0.1, kernel)
        parity.compare(TINY, f"core_loss_{shape}_{size}", found[None])


def test_cores_of_reference(c3d, reference):
    expected, padded, _ = reference
    kernel = core_kernel("ellipsoid", c3d.cfg["core_t"], c3d.cfg["core_s"])
    area, count = c3d.cfg["ep_area"], expected["ep_core_topk"]
    assert torch.equal(kernel.byte(), expected["ep_core_kernel"])
    assert core_count(padded[0].numel(), area, tuple(kernel.shape)) == count
    found = torch.stack([core_loss(mask, area, kernel) for mask in padded])
    assert_near(found.double(), expected["ep_core_loss"])


def test_one_piece_has_no_core_loss_and_crumbs_have():
    # Cores of 3 x 5 x 5 stand at every fifth pixel: 4 of them fill a box of 3 x 10 x 10, of which
    # the box's neighbours in time see parts.
    kernel, mask = core_kernel("cylinder", 3, 5), torch.zeros(3, 40, 40)
    mask[:, 10:20, 10:20] = 1
    area = (4 * int(math.pi / 6 * 75) - 1) / mask.numel()
    assert core_count(mask.numel(), area, (3, 5, 5)) == 4
    assert core_loss(mask, area, kernel) == pytest.approx(0, abs=1e-6)
    order = torch.randperm(mask.numel(), generator=torch.Generator().manual_seed(0))
    assert core_loss(mask.flatten()[order].view_as(mask), area, kernel) > 0.5


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("method", METHODS)
def test_the_original_descent_from_a_drawn_mask(tiny, method, variant):
    net, clip, parameters = tiny
    energy = Energy(net, clip, 4, 0.1, method, variant, "blur")
    _, history, seen = original(energy, 10, parameters, [10])
    name = f"randinit_{METHODS[method]}_{variant}"
    parity.compare(TINY, f"{name}_hist", history)
    parity.compare(TINY, f"{name}_mask_it10", seen[10][:, ::4, ::4])


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("method", METHODS)
def test_the_original_descent_from_ones(tiny, method, variant):
    net, clip, _ = tiny
    name = f"{METHODS[method]}_{variant}"
    count = 110 if variant == "preserve" else 30
    energy = Energy(net, clip, 4, 0.1, method, variant, "blur")
    _, history, seen = original(energy, count, kept=(30, 110))
    expected, rule = parity.expected(TINY, f"{name}_hist"), parity.recipe(TINY)["tolerance"]
    rule = rule[f"{name}_hist"]
    early, late = rule["hist_first_2_iterations_rel"], rule["final_reward_regul_rel"]
    np.testing.assert_allclose(history[:, :2], expected[:, :2], rtol=early)
    np.testing.assert_allclose(history[:, -1], expected[:, -1], rtol=late)
    for iteration, mask in seen.items():
        chaotic(mask[:, ::2, ::2].numpy(), f"{name}_mask_it{iteration}")


def chaotic(mask: np.ndarray, key: str) -> None:
    """Compare what a descent through ties leaves comparable: the mean, the mass in the block."""
    expected, rule = parity.expected(TINY, key), parity.recipe(TINY)["tolerance"][key]
    t0, t1, y0, y1, x0, x1 = parity.recipe(TINY)["block"]
    block = (slice(t0, t1), slice(y0 // 2, y1 // 2), slice(x0 // 2, x1 // 2))
    assert abs(mask.mean() - expected.mean()) <= rule["mean_abs_diff_of_mask_mean"]
    inside = rule["mass_inside_block_rel"]
    assert mask[block].sum() == pytest.approx(expected[block].sum(), rel=inside)


def test_the_original_descent_of_reference(c3d, reference):
    expected, cfg = reference[0], c3d.cfg
    for number, (clip, target) in enumerate(zip(c3d.clips, c3d.targets, strict=True)):
        energy = Energy(
            c3d.model.net, clip, target, cfg["ep_area"], cell=cfg["ep_step"], sigma=cfg["ep_sigma"]
        )
        start = expected["ep_pmask0"][number]
        found, history, _ = original(energy, 10, start)
        both = torch.stack([expected["ep_reward_hist"][number], expected["ep_regul_hist"][number]])
        both[0] *= 100 if both[0, 0] < 0.5 * history[0, 0] else 1
        assert_near(history.double(), both, 1e-3)
        assert_near(found, expected["ep_pmask10"][number], 1e-3)
        mask = energy.masks.crop(energy.masks(found))
        assert_near(mask, expected["ep_mask10"][number], 1e-3)


def test_impossible_choices_are_refused(tiny):
    with pytest.raises(InputError, match="perturbation 'burn'"):
        Perturbation(tiny[1], "burn")
    with pytest.raises(InputError, match="core 'cube'"):
        core_kernel("cube", 7, 11)
