"""The attention of a transformer is met however it is written, and lies where it looks."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional
from torchvision.models.video.swin_transformer import ShiftedWindowAttention3d

from tests import vit
from vidsal import registry
from vidsal.attribution import _attention
from vidsal.attribution._attention import collect, looks
from vidsal.attribution._layouts import Plain, Pool, Pooled, Windows, layout, merging, numbers
from vidsal.attribution._pass import PASSES, capture, observe, sharing
from vidsal.attribution.attention_relevance import attention_relevance
from vidsal.attribution.attention_rollout import attention_rollout
from vidsal.errors import InputError

METHODS = (attention_rollout, attention_relevance)


@pytest.fixture(params=[torch.float32, torch.float64], ids=["fp32", "fp64"])
def tokens(request):
    """The reference transformer."""
    return vit.reference(request.param)


@pytest.mark.parametrize("writing", vit.WRITINGS)
def test_reference(tokens, agrees, writing):
    for block in tokens.model.net.blocks:
        block.attn.writing = writing
    passes = [
        capture(tokens.model, *pair, gradient=False, extra=[collect]) for pair in tokens.pairs
    ]
    found = [looks(tokens.model, one, "own") for one in passes]
    agrees(tokens, [one.logits for one in passes], tokens.expected["logits"])
    for place in range(2):
        weights = [one[place].weights[0] for one in found]
        gradients = [one[place].gradient[0] for one in found]
        agrees(tokens, weights, tokens.expected[f"attn{place}"])
        agrees(tokens, gradients, tokens.expected[f"attn{place}_grad"])


def test_what_is_met_is_what_the_network_goes_on_with():
    tokens = vit.reference(torch.float64)
    clip, target = tokens.pairs[0]
    found = capture(tokens.model, clip, target, gradient=False, extra=[collect])
    (look, _) = looks(tokens.model, found, "own")
    step = torch.randn(look.weights.shape, dtype=torch.float64) * 1e-6
    original, steps = torch.Tensor.softmax, [step, 0]

    def moved(scores, **named):
        return original(scores, **named) + steps.pop(0)

    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(torch.Tensor, "softmax", moved)
        after = tokens.model.net(clip[None])[0, target]
    expected = (look.gradient * step).sum()
    torch.testing.assert_close(after - found.score, expected, rtol=1e-3, atol=0)


def test_one_pass_serves_both_methods_and_others():
    tokens = vit.reference(torch.float32)
    clip, target = tokens.pairs[0]
    apart = [method(tokens.model, clip, target) for method in METHODS]
    before = (PASSES.forward, PASSES.backward)
    with sharing(tokens.model, back="layers", extra=[collect]):
        together = [method(tokens.model, clip, target) for method in METHODS]
    assert (PASSES.forward - before[0], PASSES.backward - before[1]) == (1, 1)
    for one, other in zip(apart, together, strict=True):
        assert torch.equal(one, other)


def test_rollout_needs_no_way_back():
    tokens = vit.reference(torch.float32)
    before = (PASSES.forward, PASSES.backward)
    attention_rollout(tokens.model, *tokens.pairs[0])
    assert (PASSES.forward - before[0], PASSES.backward - before[1]) == (1, 0)


def test_half_precision_is_widened():
    tokens = vit.reference(torch.float32)
    tokens.model.net.bfloat16()
    for method in METHODS:
        heatmap = method(tokens.model, tokens.clips[0].bfloat16(), 1)
        assert heatmap.dtype == torch.float32


@pytest.mark.parametrize("method", METHODS)
def test_frames_that_are_looked_at_one_by_one(method):
    torch.manual_seed(0)
    model = vit.wrapped(vit.FrameVit(), frame_wise=True)
    clip = torch.randn(3, 5, 16, 12)
    heatmap = method(model, clip, 1)
    assert heatmap.shape == (5, 4, 3)
    # Each frame is its own.
    for number in range(5):
        frame = clip[:, number : number + 1]
        alone = attention_rollout(model, frame, 1)
        torch.testing.assert_close(attention_rollout(model, clip, 1)[number], alone[0])
    assert not torch.equal(heatmap[0], heatmap[1])


# Where keys and queries lie.

POOLS = [
    Pool((3, 3, 3), (1, 2, 2), (1, 1, 1)),
    Pool((1, 3, 3), (1, 2, 2), (0, 1, 1)),
    Pool((3, 3, 3), (1, 8, 8), (1, 1, 1)),
    Pool((1, 1, 1), (1, 1, 1), (0, 0, 0)),
    merging((3, 7, 10), (3, 4, 5)),
]


@pytest.mark.parametrize("places", [0, 1])
@pytest.mark.parametrize("pool", POOLS)
def test_pools_are_means_of_their_windows(pool, places):
    grid = (3, 7, 10)
    sizes = (pool.window, pool.stride, pool.padding, pool.rest)
    cells = torch.eye(math.prod(grid), dtype=torch.float64).view(-1, 1, *grid)
    means = functional.avg_pool3d(cells, *sizes, count_include_pad=False)
    assert pool.made(grid) == means.shape[2:]
    expected = means.flatten(1).T
    count = places + len(expected)
    rows = pool.back(torch.eye(count, dtype=torch.float64)[:, None], grid)[:, 0]
    torch.testing.assert_close(rows[places:, places:], expected)
    torch.testing.assert_close(rows.sum(dim=1), torch.ones(count, dtype=torch.float64))
    assert torch.equal(rows[:places, :places], torch.eye(places, dtype=torch.float64))


def test_a_pool_may_be_wider_than_a_padded_grid():
    pool = Pool((3, 3, 3), (1, 2, 2), (1, 1, 1))
    assert pool.made((2, 2, 2)) == (2, 1, 1)
    rows = pool.back(torch.ones(1, 1, 2), (2, 2, 2))
    torch.testing.assert_close(rows, torch.full((1, 1, 8), 2 / 8))


@pytest.mark.parametrize("shift", [(0, 0, 0), (1, 2, 1), (0, 1, 2)])
@pytest.mark.parametrize("grid", [(4, 8, 6), (3, 7, 5), (2, 4, 3), (5, 3, 9)])
def test_windows_lie_where_the_layer_looks(grid, shift):
    torch.manual_seed(1)
    heads, width = 2, 2 * math.prod(grid)
    layer = (
        ShiftedWindowAttention3d(width, [2, 4, 3], list(shift), heads)
        .double()
        .requires_grad_(False)
    )
    # Queries and keys say nothing, the table of places all: what leaves the layer is linear in
    # what enters it, and with a one at every token it is the mean attention itself.
    nn.init.zeros_(layer.qkv.weight[: 2 * width])
    nn.init.eye_(layer.qkv.weight[2 * width :])
    nn.init.eye_(layer.proj.weight)
    nn.init.zeros_(layer.qkv.bias)
    nn.init.zeros_(layer.proj.bias)
    nn.init.normal_(layer.relative_position_bias_table)
    count = math.prod(grid)
    ones = torch.eye(count, dtype=torch.float64)
    # Every head sees a copy of the tokens.
    given = torch.cat([ones, ones], dim=1).view(1, *grid, width)
    kept = {}

    def keep(name, value, gradient=True):
        kept[name] = value
        return value

    model = vit.wrapped(layer)
    with collect(model, keep):
        made = layer(given).view(count, heads, count)
    (laid,) = (layout(value) for name, value in kept.items() if name.startswith("attention layout"))
    (weights,) = (value for name, value in kept.items() if name.startswith("attention weights"))
    asked = laid.ask(ones[:, None])
    for head in range(heads):
        rows = laid.keys(torch.einsum("swq,wqk->swk", asked, weights[:, head]))[:, 0]
        torch.testing.assert_close(rows, made[:, head])
    torch.testing.assert_close(laid.skip(asked)[:, 0], ones)
    # What is not a token fills windows up.
    real = laid.real(weights)
    assert real.sum() == count
    assert (real == 0).any() == any(
        -size % side for size, side in zip(grid, laid.window, strict=True)
    )


def test_layouts_can_be_written_down():
    for one in (
        Plain((2, 3, 4)),
        Windows((2, 3, 4), (1, 2, 2), (0, 1, 1)),
        Pooled((2, 3, 4), Pool((3, 3, 3), (1, 2, 2), (1, 1, 1)), Pool()),
    ):
        assert layout(numbers(one)) == one


# Networks of the room.


@pytest.fixture(scope="module", params=["mvit_v2_s", "swin3d_t"])
def video(request):
    torch.manual_seed(2)
    built = registry.load("models", request.param)(3, size=[32, 32], length=4)
    built.net.eval()
    with torch.no_grad():
        for name, value in built.net.named_parameters():
            # Sharper than at the start of a training, so that the maps have something to show.
            if "rel" in name or "qkv.weight" in name:
                value.mul_(8)
    return built


@pytest.mark.parametrize("shape", [(4, 32, 32), (6, 64, 48), (3, 40, 56), (16, 64, 64)])
@pytest.mark.parametrize("method", METHODS)
def test_video_transformers_at_several_sizes(video, method, shape):
    if video.name == "mvit_v2_s" and any(side % 32 for side in shape[1:]):
        shape = (shape[0], 64, 32)
    clip = torch.randn(3, *shape, generator=torch.Generator().manual_seed(3))
    heatmap = method(video, clip, 1)
    assert heatmap.shape == tuple(-(-s // p) for s, p in zip(shape, (2, 4, 4), strict=True))
    assert torch.isfinite(heatmap).all()
    assert heatmap.min() >= 0
    assert heatmap.max() > 1.01 * heatmap.min()


@pytest.mark.parametrize("method", METHODS)
def test_a_change_of_attention_alone_is_seen(video, method):
    clip = torch.randn(3, 4, 32, 32, generator=torch.Generator().manual_seed(3))
    before = method(video, clip, 1)
    tables = [value for name, value in video.net.named_parameters() if "rel" in name]
    for value in tables:
        value.data.neg_()
    try:
        after = method(video, clip, 1)
    finally:
        for value in tables:
            value.data.neg_()
    assert (after - before).abs().max() > 0.01 * before.max()
    assert torch.equal(before, method(video, clip, 1))


def dense(video, found, step) -> torch.Tensor:
    """What the last rows hold of the first tokens, by products of whole matrices."""
    total = None
    for place, look in enumerate(found):
        seen, skip = matrices(look)
        made = step(seen, skip, total)
        merged = look.layout.made if place == len(found) - 1 else found[place + 1].layout.grid
        total = mean_matrix(merging(look.layout.made, merged), look.layout.made, made) @ made
    return total


def mean_matrix(pool, grid, like) -> torch.Tensor:
    """Windows' means of cells, as a matrix, by the definition; a class token stays itself."""
    made, cells = pool.made(grid), torch.cartesian_prod(*(torch.arange(size) for size in grid))
    windows = torch.cartesian_prod(*(torch.arange(size) for size in made))
    first = windows * torch.tensor(pool.stride) - torch.tensor(pool.padding)
    inside = (cells[None] >= first[:, None]) & (
        cells[None] < first[:, None] + torch.tensor(pool.window)
    )
    means = inside.all(dim=2).double()
    means /= means.sum(dim=1, keepdim=True)
    places = 1 if like.shape[0] > len(cells) else 0
    return torch.block_diag(*[torch.eye(1, dtype=torch.float64)] * places, means)


def matrices(look) -> tuple:
    """A function of (weights) -> matrix from what enters to what leaves, and the shortcut's."""
    one = look.layout
    count = math.prod(one.grid)
    if isinstance(one, Windows):
        # Token numbers by window, -1 where there is none.
        numbered = torch.arange(count).view(one.grid)
        pads = [
            side
            for size, wide in zip(one.grid, one.window, strict=True)
            for side in (0, -size % wide)
        ]
        numbered = functional.pad(numbered, pads[4:] + pads[2:4] + pads[:2], value=-1)
        numbered = numbered.roll([-s for s in one.shift], (0, 1, 2))
        sides = [
            range(0, size, wide) for size, wide in zip(numbered.shape, one.window, strict=True)
        ]
        t, h, w = one.window
        groups = [
            numbered[a : a + t, b : b + h, c : c + w].flatten()
            for a in sides[0]
            for b in sides[1]
            for c in sides[2]
        ]

        def seen(weights):
            matrix = torch.zeros(count, count, dtype=torch.float64)
            for group, own in zip(groups, weights.double(), strict=True):
                real = group >= 0
                matrix[group[real][:, None], group[real]] = own[real][:, real]
            return matrix

        return seen, torch.eye(count, dtype=torch.float64)
    like = torch.empty(1 + count, 0)
    keys = mean_matrix(one.key_pool, one.grid, like)
    return lambda weights: weights[0].double() @ keys, mean_matrix(one.skip_pool, one.grid, like)


@pytest.mark.parametrize("shape", [(4, 32, 32), (6, 64, 32)])
def test_rows_equal_products_of_whole_matrices(video, shape):
    clip = torch.randn(3, *shape, generator=torch.Generator().manual_seed(3))
    made = capture(video, clip, 1, gradient=False, extra=[collect])
    found = looks(video, made, "own")
    start = _attention.start(found)[0, 0].double()

    def rolled(seen, skip, total):
        mixed = seen(look_weights.pop(0)) + skip
        mixed = mixed / mixed.sum(dim=1, keepdim=True)
        return mixed if total is None else mixed @ total

    look_weights = [look.weights.mean(dim=1) for look in found]
    expected = start @ dense(video, found, rolled)
    assert expected.sum().item() == pytest.approx(1)
    compare(attention_rollout(video, clip, 1), expected)

    def gathered(seen, skip, total):
        gain = seen(look_weights.pop(0)) + skip
        return gain if total is None else gain @ total

    look_weights = [(look.weights * look.gradient).clamp(min=0).mean(dim=1) for look in found]
    with_identity = start @ dense(video, found, gathered)
    identity = start @ dense(
        video, found, lambda _, skip, total: skip if total is None else skip @ total
    )
    compare(attention_relevance(video, clip, 1), with_identity - identity)


def compare(heatmap: torch.Tensor, row: torch.Tensor) -> None:
    expected = row[-heatmap.numel() :].view(heatmap.shape)
    assert (heatmap - expected).abs().max() < 1e-4 * expected.abs().max()


# Networks that have none.


@pytest.mark.parametrize("method", METHODS)
def test_networks_without_attention_are_refused_before_they_run(case, method):
    before = PASSES.forward
    with pytest.raises(InputError, match=f"{method.__name__} cannot explain {case.name}"):
        method(case.model, case.clips[0], 0)
    assert PASSES.forward == before


class Divided(nn.Module):
    """Attention of every place over time only."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.head = nn.Conv3d(3, 8, 4, 4), nn.Linear(8, 2)
        self.block = vit.Block(8, 2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.patch(x)
        return self.head(self.block(tokens[0].flatten(2).permute(2, 1, 0)).mean(dim=(0, 1))[None])


class Masked(nn.Module):
    """PyTorch's attention in a use that is not read."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.head = nn.Conv3d(3, 8, 4, 4), nn.Linear(8, 2)
        self.attn = nn.MultiheadAttention(8, 2, batch_first=True, add_zero_attn=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.patch(x).flatten(2).transpose(1, 2)
        return self.head(self.attn(tokens, tokens, tokens)[0].mean(dim=1))


class Normed(nn.Module):
    """A layer norm and no attention."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.head = nn.LayerNorm(3), nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(x.mean(dim=(2, 3, 4))))


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Divided, "not among tokens of a grid"),
        (Masked, "not among tokens of a grid"),
        (Normed, "no attention among tokens was met"),
    ],
)
@pytest.mark.parametrize("method", METHODS)
def test_attention_that_is_not_understood_is_refused(kind, reason, method):
    torch.manual_seed(4)
    model = vit.wrapped(kind())
    with pytest.raises(InputError, match=f"{method.__name__} cannot explain own: .*{reason}"):
        method(model, torch.randn(3, 8, 8, 8), 0)


def test_collecting_where_there_is_nothing_harms_nobody(case):
    plain = observe(case.model, case.clips[0], 0)
    watched = observe(case.model, case.clips[0], 0, extra=[collect])
    assert torch.equal(plain.logits, watched.logits)
    assert not watched.extra
