"""Walking and running as cycles of joint angles, and the side-view skeleton that they move.

Everything is in body heights and in the sagittal plane: x forward, y up from the ground. A gait is
sampled at tenths of a cycle that begins when the foot touches the ground. The tables are drawn
by us after the shapes that textbooks on gait agree on (Winter, Biomechanics and Motor Control of
Human Movement, 2009, ch. 3 and 4; Novacheck, The biomechanics of running, Gait & Posture 1998).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LABELS = ("walking", "running")


@dataclass(frozen=True)
class Gait:
    """One way to go: angles in degrees over ten tenths of a cycle, and what goes with them.

    Attributes:
        hip: thigh against the vertical, forward positive.
        knee: bend of the knee.
        ankle: toes towards the shin positive.
        shoulder: upper arm against the vertical, forward positive, for the leg of the same side.
        elbow: bend of the elbow.
        lean: trunk forward of the vertical, degrees.
        lift: how far the hip rises in the flight phase, body heights.
        cadence: cycles (two steps) per second.
        stride: way per cycle, body heights.
    """

    hip: tuple[float, ...]
    knee: tuple[float, ...]
    ankle: tuple[float, ...]
    shoulder: tuple[float, ...]
    elbow: tuple[float, ...]
    lean: float
    lift: float
    cadence: float
    stride: float


WALKING = Gait(
    hip=(30, 25, 16, 6, -6, -16, -9, 11, 26, 31),
    knee=(3, 12, 13, 8, 5, 10, 38, 60, 46, 13),
    ankle=(0, -4, 2, 6, 10, 7, -8, -4, 2, 3),
    shoulder=(-25, -21, -11, 3, 14, 18, 14, 3, -11, -21),
    elbow=(14, 14, 16, 20, 25, 28, 25, 20, 16, 14),
    lean=3.0,
    lift=0.0,
    cadence=0.98,
    stride=0.90,
)
RUNNING = Gait(
    hip=(35, 26, 12, -2, -15, -8, 16, 38, 48, 45),
    knee=(18, 30, 36, 27, 20, 50, 88, 102, 80, 38),
    ankle=(4, 12, 22, 10, -14, -16, -8, -2, 3, 4),
    shoulder=(-48, -42, -24, -2, 16, 22, 16, -2, -24, -42),
    elbow=(82, 83, 88, 95, 102, 106, 102, 95, 88, 83),
    lean=10.0,
    lift=0.02,
    cadence=1.36,
    stride=0.92,
)

# Lengths in body heights, after Drillis and Contini (1966) as tabled by Winter.
TRUNK, NECK, HEAD = 0.28, 0.05, 0.08
THIGH, SHANK, HEEL, TOE, SOLE = 0.245, 0.235, 0.045, 0.105, 0.032
UPPER_ARM, FOREARM = 0.17, 0.185


def speed(running: float) -> float:
    """Return the speed of a gait in body heights per second: stride times cadence.

    Args:
        running: 0 walks, 1 runs, 1/2 is the neutral gait half-way between.
    """
    return cadence(running) * _between("stride", running)


def cadence(running: float) -> float:
    """Return the cycles per second of a gait (see `speed`)."""
    return _between("cadence", running)


def skeleton(phase: np.ndarray, running: np.ndarray, vigour: float = 1.0) -> dict[str, np.ndarray]:
    """Return the joints at each moment as complex numbers x + iy, in body heights.

    Args:
        phase: (T,) cycles since the right foot touched the ground.
        running: (T,) 0 walks, 1 runs; between them angles are mixed linearly.
        vigour: how wide the limbs swing about their mean angles, 1 = as in the tables.

    Returns:
        Joint -> (T,) complex128 with the ground at y = 0 and the hip at x = 0: hip, shoulder,
        neck, head, and knee, ankle, heel, toe, elbow, hand with `right_` and `left_` before them.
    """
    lean = np.radians(_between("lean", running))
    joints = {"hip": np.zeros(len(phase), complex)}
    joints["shoulder"] = TRUNK * _up(-lean)
    joints["neck"] = joints["shoulder"] + NECK * _up(-0.8 * lean)
    joints["head"] = joints["neck"] + HEAD * _up(-0.6 * lean)
    for side, own in (("right", phase), ("left", phase + 0.5)):
        joints |= _leg(side, own, running, vigour)
        joints |= _arm(side, own, running, vigour, joints["shoulder"], lean)
    height = _hip_height(joints, phase, running)
    return {name: joint + 1j * height for name, joint in joints.items()}


def _between(name: str, running: float | np.ndarray) -> float | np.ndarray:
    return getattr(WALKING, name) * (1 - running) + getattr(RUNNING, name) * running


def _angle(name: str, phase: np.ndarray, running: np.ndarray, vigour: float) -> np.ndarray:
    walk = _periodic(getattr(WALKING, name), phase, vigour)
    run = _periodic(getattr(RUNNING, name), phase, vigour)
    return np.radians(walk * (1 - running) + run * running)


def _periodic(table: tuple[float, ...], phase: np.ndarray, vigour: float) -> np.ndarray:
    # The Fourier series through the table's points, which is smooth and truly periodic.
    coefficients = np.fft.rfft(table) / len(table)
    turns = np.exp(2j * np.pi * np.outer(np.arange(1, 5), phase))
    return coefficients[0].real + vigour * 2 * (coefficients[1:5] @ turns).real


def _up(angle: np.ndarray) -> np.ndarray:
    return 1j * np.exp(1j * angle)


def _down(angle: np.ndarray) -> np.ndarray:
    return -1j * np.exp(1j * angle)


def _leg(side: str, phase: np.ndarray, running: np.ndarray, vigour: float) -> dict:
    thigh = _angle("hip", phase, running, vigour)
    shank = thigh - _angle("knee", phase, running, vigour)
    foot = shank + _angle("ankle", phase, running, vigour)
    knee = THIGH * _down(thigh)
    ankle = knee + SHANK * _down(shank)
    sole = ankle + SOLE * _down(foot)
    ahead = np.exp(1j * foot)
    return {
        f"{side}_knee": knee,
        f"{side}_ankle": ankle,
        f"{side}_heel": sole - HEEL * ahead,
        f"{side}_toe": sole + TOE * ahead,
    }


def _arm(
    side: str,
    phase: np.ndarray,
    running: np.ndarray,
    vigour: float,
    shoulder: np.ndarray,
    lean: np.ndarray,
) -> dict:
    upper = _angle("shoulder", phase, running, vigour) - lean
    fore = upper + _angle("elbow", phase, running, vigour)
    elbow = shoulder + UPPER_ARM * _down(upper)
    return {f"{side}_elbow": elbow, f"{side}_hand": elbow + FOREARM * _down(fore)}


def _hip_height(joints: dict, phase: np.ndarray, running: np.ndarray) -> np.ndarray:
    ends = [joints[f"{side}_{end}"].imag for side in ("right", "left") for end in ("heel", "toe")]
    # Half-way between one foot's push-off and the other's touch-down a runner is in the air.
    airborne = np.maximum(0.0, np.cos(4 * np.pi * (phase - 0.44))) ** 2
    return _between("lift", running) * airborne - np.min(ends, axis=0)
