"""Width of the Gaussian under gaze densities: fractions, pixels, degrees, and published choices."""

from __future__ import annotations

from collections.abc import Callable

from vidsal.errors import InputError

Size = tuple[int, int]

PRESETS: dict[str, Callable[[Size], float]] = {
    # github.com/wenguanwang/DHF1K, make_gauss_masks: 30 px wide at half height, 640x360.
    "dhf1k": lambda size: 12.74 / 360 * size[0],
    # The maps that DHF1K's authors made of both: fspecial("gaussian", 150, 20), whatever the size.
    "hollywood2": lambda size: 20.0,
    "ucf_sports": lambda size: 20.0,
    # github.com/NUS-VIP/salicon-evaluation: gaussian_filter with sigma 19 on 640x480.
    "salicon": lambda size: 19.0 / 480 * size[0],
    # github.com/remega/LEDOV-eye-tracking-database: 80 px wide at half height, 1280x720.
    "ledov": lambda size: 34.0 / 720 * size[0],
    # github.com/cvzoya/saliency, antonioGaussian with fc = 8 on the larger side.
    "mit": lambda size: 0.1874 / 8 * max(size),
}


def pixels(
    value: float | str | dict, size: Size, *, pixels_per_degree: float | None = None
) -> float:
    """Standard deviation of the density's Gaussian in pixels of the source.

    Args:
        value: a fraction of the picture's height; the name of a preset; {pixels: n} of the source;
            or {degrees: n} of visual angle, with pixels_per_degree of the source where that is not
            known.
        size: [H, W] of the source.
        pixels_per_degree: of the source, as the recordings state it; None = they do not.

    Raises:
        InputError: no such preset, not positive, or degrees without a known viewing distance.
    """
    size = (int(size[0]), int(size[1]))
    if isinstance(value, str):
        if value not in PRESETS:
            known = ", ".join(sorted(PRESETS))
            raise InputError(f"score.sigma: {value!r} is not known; choose from {known}")
        return PRESETS[value](size)
    if isinstance(value, dict):
        found = _measured(value, pixels_per_degree)
    else:
        found = float(value) * size[0]
    if not found > 0:
        raise InputError(f"score.sigma: {value!r} is not positive; give such as 0.0354")
    return found


def _measured(value: dict, pixels_per_degree: float | None) -> float:
    """Pixels of {pixels: n} or {degrees: n}."""
    if set(value) == {"pixels"}:
        return float(value["pixels"])
    if not {"degrees"} <= set(value) <= {"degrees", "pixels_per_degree"}:
        raise InputError(f"score.sigma: {value!r} is neither {{pixels: n}} nor {{degrees: n}}")
    known = value.get("pixels_per_degree", pixels_per_degree)
    if known is None:
        raise InputError(
            "score.sigma: degrees: the gaze recordings do not state one screen (pixels and "
            "centimetres) and distance; give screen, screen_cm and distance_cm in the dataset's "
            "gaze:, or pixels_per_degree beside degrees, or pixels"
        )
    return float(value["degrees"]) * float(known)
