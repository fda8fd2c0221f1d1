"""Bodies of synthetic people: clothes, limbs as capsules, pictures, masks and true motion."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vidsal.datasets import _gaits, _plans

PARTS = {"head": 1, "trunk": 2, "left_arm": 3, "right_arm": 4, "left_leg": 5, "right_leg": 6}

# Corners of one capsule, and the bits behind the point of the coordinates that OpenCV gets.
CORNERS, SHIFT = 18, 4


@dataclass(frozen=True)
class Look:
    """What someone looks like: grey levels 0..255 of skin and clothes, and how stout they are."""

    girth: float
    tones: dict[str, float]


@dataclass(frozen=True)
class Segment:
    """One rigid piece: a capsule from joint to joint; radii in body heights."""

    part: str
    start: str
    end: str
    radii: tuple[float, float]
    tone: str


def _limbs(side: str) -> tuple[list[Segment], list[Segment]]:
    arm, leg = f"{side}_arm", f"{side}_leg"
    return (
        [
            Segment(arm, f"{side}_hand", f"{side}_fingers", (0.021, 0.017), "skin"),
            Segment(arm, f"{side}_elbow", f"{side}_hand", (0.027, 0.02), "sleeves"),
            Segment(arm, "shoulder", f"{side}_elbow", (0.038, 0.029), "shirt"),
        ],
        [
            Segment(leg, f"{side}_heel", f"{side}_toe", (0.024, 0.017), "shoes"),
            Segment(leg, f"{side}_knee", f"{side}_ankle", (0.042, 0.026), "legs"),
            Segment(leg, "hip", f"{side}_knee", (0.066, 0.045), "trousers"),
        ],
    )


CORE = [
    Segment("trunk", "shoulder", "neck", (0.036, 0.03), "skin"),
    Segment("trunk", "hip", "shoulder", (0.072, 0.076), "shirt"),
    Segment("trunk", "hip", "waist", (0.072, 0.07), "trousers"),
    Segment("head", "crown", "nape", (0.055, 0.042), "hair"),
    Segment("head", "brow", "chin", (0.044, 0.036), "skin"),
]


def look(body: np.random.Generator, clothes: np.random.Generator) -> Look:
    """Draw a person (girth, skin, hair) and what they wear in one recording."""
    girth, skin = body.uniform(0.85, 1.25), body.uniform(80, 125)
    hair = body.uniform(25, 75)
    light = clothes.random() < 0.3
    shirt = clothes.uniform(212, 238) if light else clothes.uniform(35, 80)
    trousers = clothes.uniform(30, 75)
    tones = {
        "skin": skin,
        "hair": hair,
        "shirt": shirt,
        "sleeves": skin if clothes.random() < 0.4 else shirt,
        "trousers": trousers,
        "legs": skin if clothes.random() < 0.25 else trousers,
        "shoes": clothes.uniform(25, 60),
    }
    return Look(girth, tones)


def segments(direction: int) -> list[Segment]:
    """Return the pieces of a body in the order of painting, from the far side to the near one."""
    # Whoever goes right shows the camera the right side.
    near, far = ("right", "left") if direction > 0 else ("left", "right")
    far_arm, far_leg = _limbs(far)
    near_arm, near_leg = _limbs(near)
    return [*far_arm, *far_leg, *near_leg, *CORE, *near_arm]


def joints(track: _plans.Track, one: _plans.Pass) -> dict[str, np.ndarray]:
    """Return the joints of a pass in the picture: joint -> (T,) complex128 x + iy, y down."""
    bones = _gaits.skeleton(track.phase, track.running, one.vigour)
    bones["waist"] = bones["hip"] + 0.2 * (bones["shoulder"] - bones["hip"])
    for side in ("left", "right"):
        hand, elbow = bones[f"{side}_hand"], bones[f"{side}_elbow"]
        bones[f"{side}_fingers"] = hand + 0.22 * (hand - elbow)
    axis = (bones["head"] - bones["neck"]) / _gaits.HEAD
    ahead = axis / 1j
    places = {"crown": (0.022, -0.006), "nape": (-0.012, -0.012)}
    places |= {"brow": (-0.002, 0.02), "chin": (-0.032, 0.026)}
    for name, (up, forward) in places.items():
        bones[name] = bones["head"] + up * axis + forward * ahead
    where = {name: one.direction * z.real - 1j * z.imag for name, z in bones.items()}
    return {name: track.x + 1j * track.ground + track.size * z for name, z in where.items()}


class Painter:
    """Paints the body of one pass over pictures and label maps, frame after frame."""

    def __init__(self, person: Look, one: _plans.Pass, track: _plans.Track) -> None:
        self.pieces = segments(one.direction)
        self.joints = joints(track, one)
        self.tones = [_tones(piece, person, number) for number, piece in enumerate(self.pieces)]
        size = track.size * person.girth
        self.outlines = self._outlines(size, 1.0, 0.0)
        self.lights = self._outlines(size, 0.45, 0.35)
        self.parts = np.array([0, *(PARTS[piece.part] for piece in self.pieces)], np.uint8)

    def _outlines(self, size: np.ndarray, width: float, shift: float) -> np.ndarray:
        made = [
            _capsule(self.joints[p.start], self.joints[p.end], size * p.radii[0],
                     size * p.radii[1], width, shift)
            for p in self.pieces
        ]  # fmt: skip
        stacked = np.stack(made, axis=1) * (1 << SHIFT)
        return np.stack([stacked.real, stacked.imag], axis=-1).round().astype(np.int32)

    def paint(self, picture: np.ndarray, t: int) -> None:
        """Paint the body of moment `t` into a grey picture, uint8 (H,W)."""
        for piece, (tone, light) in enumerate(self.tones):
            outline, inner = self.outlines[t, piece], self.lights[t, piece]
            cv2.fillConvexPoly(picture, outline, tone, cv2.LINE_AA, SHIFT)
            cv2.fillConvexPoly(picture, inner, light, cv2.LINE_AA, SHIFT)

    def pieces_at(self, t: int) -> np.ndarray:
        """Return uint8 (H,W): 1 + the number of the piece seen at each pixel, 0 = none."""
        seen = np.zeros((_plans.HEIGHT, _plans.WIDTH), np.uint8)
        for piece in range(len(self.pieces)):
            cv2.fillConvexPoly(seen, self.outlines[t, piece], piece + 1, cv2.LINE_8, SHIFT)
        return seen

    def mask(self, t: int) -> np.ndarray:
        """Return uint8 (H,W): the part of the body (`PARTS`) seen at each pixel, 0 = none."""
        return self.parts[self.pieces_at(t)]

    def motion(self, t: int) -> np.ndarray:
        """Return float32 (H,W,2): pixels right and down from moment t to t + 1, 0 off the body.

        Each piece moves as a rigid body that may change in size: z -> b + (z - a) * (b' - b) /
        (a' - a) in complex numbers, where a, a' are its joints now and b, b' a frame later.
        """
        seen = self.pieces_at(t)
        moved = np.zeros((_plans.HEIGHT, _plans.WIDTH), complex)
        y, x = np.nonzero(seen)
        here, number = x + 1j * y, seen[y, x] - 1
        first, last = (
            np.array([self.joints[getattr(p, end)][t : t + 2] for p in self.pieces])[number]
            for end in ("start", "end")
        )
        turn = (last - first)[:, 1] / (last - first)[:, 0]
        moved[y, x] = first[:, 1] + (here - first[:, 0]) * turn - here
        return np.stack([moved.real, moved.imag], axis=-1).astype(np.float32)


def _tones(piece: Segment, person: Look, number: int) -> tuple[int, int]:
    # The far arm and leg come first; they lie in the body's own shade.
    tone = person.tones[piece.tone] * (0.8 if number < 6 else 1.0)
    return round(tone), round(min(tone + 14, 250))


def _capsule(
    start: np.ndarray,
    end: np.ndarray,
    start_radius: np.ndarray,
    end_radius: np.ndarray,
    width: float,
    shift: float,
) -> np.ndarray:
    """Return the outlines of tapered capsules: complex (T, CORNERS); light falls from above left.

    Args:
        width: factor on both radii.
        shift: displacement towards the light, in radii.
    """
    axis = end - start
    length = np.maximum(np.abs(axis), 1e-6)
    axis = axis / length
    tilt = np.arcsin(np.clip((start_radius - end_radius) / length, -1, 1))
    half = np.linspace(0, 1, CORNERS // 2)
    around_end = (np.pi / 2 - tilt)[:, None] * (1 - 2 * half)
    around_start = (tilt - np.pi / 2)[:, None] - (np.pi + 2 * tilt)[:, None] * half
    light = shift * np.exp(-0.75j * np.pi)
    rim_end = axis[:, None] * np.exp(1j * around_end) * width + light
    rim_start = axis[:, None] * np.exp(1j * around_start) * width + light
    return np.concatenate(
        [
            end[:, None] + end_radius[:, None] * rim_end,
            start[:, None] + start_radius[:, None] * rim_start,
        ],
        axis=1,
    )
