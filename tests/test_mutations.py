"""A fresh draw of spoilt inputs ends well; and the judge of it can tell when one does not."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys

import pytest

from tests import mutations
from vidsal.errors import InputError

COUNT = 300


def test_spoilt_inputs_end_in_a_result_or_a_clear_sentence(root):
    seed = random.SystemRandom().randrange(10**6)
    command = [sys.executable, "-W", "error", "-m", "tests.mutations", str(seed), "0", str(COUNT)]
    env = os.environ | {"PYTHONPATH": f"{root / 'workflow'}{os.pathsep}{root}"}
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True)
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    # The draw is no test when nothing is refused, or nothing gets through.
    counts = dict(reversed(part.split(" ")) for part in done.stdout.split(": ")[-1].split(", "))
    assert int(counts["refused"]) > COUNT / 10
    assert int(counts["used\n"]) > COUNT / 10


def breaks(place, out):
    raise KeyError("x")


def says_nothing(place, out):
    raise InputError("no")


def writes_outside(place, out):
    (out.parent / "elsewhere").write_text("x")


def changes_its_input(place, out):
    next(place.iterdir()).write_text("changed by the reader")


def dies(place, out):
    os.kill(os.getpid(), 11)


def refuses(place, out):
    raise InputError("file a.txt: it holds no gaze; export it again")


def accepts(place, out):
    (out / "made").write_text("x")


EXPECTED = {
    breaks: "KeyError",
    says_nothing: "no sentence",
    writes_outside: "outside of its folder",
    changes_its_input: "changed its input",
    dies: "SIGSEGV",
    refuses: "refused",
    accepts: "used",
}


@pytest.mark.parametrize("use", EXPECTED)
def test_the_judge_tells_each_end_from_the_others(use, tmp_path):
    # Forked in a process of its own: one with threads should not fork.
    code = (
        "import sys, pathlib; from tests import mutations, test_mutations as t;"
        "folder = pathlib.Path(sys.argv[1]); use = getattr(t, sys.argv[2]);"
        "case = mutations.Case(0, 0, [mutations.Sample('s', folder, use)]);"
        "print(mutations.run(case))"
    )
    (tmp_path / "a.txt").write_text("1 2 3\n" * 20)
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), use.__name__],
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.search(rf"\b{EXPECTED[use]}\b", done.stdout)  # "used" is not "refused"


@pytest.mark.parametrize("change", mutations.MUTATIONS)
def test_a_mutation_changes_and_is_repeated_from_its_seed(change):
    data = "".join(f"{n},{n * 3},{n}.5,abc,{n},{n},{n},{n},{n}\n" for n in range(50)).encode()
    made = [change(data, random.Random(seed)) for seed in range(20)]
    assert made == [change(data, random.Random(seed)) for seed in range(20)]
    assert sum(other != data for other in made) >= 15
