"""SALICON fixations in both releases: rows worked out by hand, the real sample; damaged files."""

from __future__ import annotations

import json

import numpy as np
import pytest
import scipy.io

from tests.recordings import matlab
from tests.tidy import rows
from vidsal import fixations
from vidsal.errors import InputError
from vidsal.recordings.salicon import salicon

# Layout of 2017: public loaders of its files agree that loadmat(path)['gaze']['fixations'] is
# N x 1, each an array of rows x, y, with image[y - 1, x - 1] = 1; that ['resolution'][0] is
# (480, 640) and ['image'][0] the name. `gaze` has the fields location, timestamp and fixations.
# Points beyond the edge, like (xxx, 641) of 640: github.com/matthias-k/pysaliency issue 14. Before
# 2017 the array was 1 x N (the same loaders, parse_fixations_16 beside parse_fixations_17).
PEOPLE = [np.array([[1, 1], [640, 480], [641, 12]]), np.array([[320, 240]]), np.zeros((0, 2))]

# Layout of 2015: annotations/fixations_train2014examples.json of
# github.com/NUS-VIP/salicon-evaluation: info, images (id, file_name, width, height, ...), licenses,
# type, annotations (image_id, fixations, worker_id, id); fixations are [row, column] from 1 to 480
# and from 1 to 640. Numbers are ours.
JSON = {
    "info": {"version": "1.0"},
    "images": [
        {"file_name": "COCO_train2014_000000000007.jpg", "height": 480, "width": 640, "id": 7},
        {"file_name": "COCO_train2014_000000000009.jpg", "height": 480, "width": 640, "id": 9},
    ],
    "type": "fixations",
    "annotations": [
        {"image_id": 9, "fixations": [[242, 314], [1, 640]], "worker_id": 128, "id": 1},
        {"image_id": 7, "fixations": [[480, 1]], "worker_id": 128, "id": 2},
        {"image_id": 7, "fixations": [], "worker_id": 5, "id": 3},
    ],
}


def structs(people, axis):
    fields = [(name, object) for name in ("location", "timestamp", "fixations")]
    made = np.empty(len(people), fields)
    made["fixations"] = people
    for entry in made:
        entry["location"] = entry["timestamp"] = np.zeros((0, 0))
    return made[:, None] if axis == 0 else made[None]


@pytest.fixture
def image(tmp_path):
    """Writes a MAT file and returns its path."""

    def write(people=PEOPLE, axis=0, **others):
        listed = np.empty(len(people), object)
        listed[:] = people
        path = tmp_path / "COCO_train2014_000000000009.mat"
        variables = {"gaze": structs(listed, axis), "resolution": [[480, 640]]}
        scipy.io.savemat(path, variables | {"image": path.stem} | others)
        return path

    return write


@pytest.mark.parametrize("axis", [0, 1])
def test_one_image(image, axis):
    table = salicon(image(axis=axis))
    assert rows(table, "subject", "frame", "x", "y", "event") == [
        ("0", 0, 0.0, 0.0, "fixation"),
        ("0", 0, 639.0, 479.0, "fixation"),
        ("0", 0, 640.0, 11.0, "fixation"),
        ("1", 0, 319.0, 239.0, "fixation"),
    ]
    assert table.attrs == {"geometry": {"space": "video", "video_size": [640, 480]}, "dropped": {}}


def test_points_beyond_the_edge_are_left_out_in_the_end(image):
    table = fixations.read(image(), format="salicon")
    assert list(table["x"]) == [0.0, 639.0, 319.0]
    assert table.attrs["dropped"] == {"outside_video": 1}


def test_one_observer_alone_and_version_7_3(image, tmp_path):
    assert rows(salicon(image(PEOPLE[1:2])), "subject", "x") == [("0", 319.0)]
    entries = [{"fixations": each.astype(float), "timestamp": np.ones((1, 1))} for each in PEOPLE]
    path = matlab.write(tmp_path / "b.mat", gaze=entries, resolution=np.array([[480.0, 640.0]]))
    assert rows(salicon(path), *"xy") == rows(salicon(image()), *"xy")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gaze": 5}, r"no struct array gaze whose fixations have two columns \(entry 1\)"),
        ({"people": [PEOPLE[0], np.ones((2, 3))]}, r"\(entry 2\)"),
        ({"people": ["text"]}, r"\(entry 1\)"),
    ],
)
def test_matlab_of_another_form_is_refused(image, change, message):
    with pytest.raises(InputError, match=message):
        salicon(image(**change))


@pytest.fixture
def put(tmp_path):
    """Writes a JSON file and returns its path."""

    def write(content=JSON, indent=None):
        path = tmp_path / "fixations_train2014.json"
        text = content if isinstance(content, str) else json.dumps(content, indent=indent)
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("indent", [None, 2])
def test_all_images(put, indent):
    table = salicon(put(indent=indent))
    nine, seven = "COCO_train2014_000000000009.jpg", "COCO_train2014_000000000007.jpg"
    assert rows(table, "subject", "video", "frame", "x", "y", "event") == [
        ("128", nine, 0, 313.0, 241.0, "fixation"),
        ("128", nine, 0, 639.0, 0.0, "fixation"),
        ("128", seven, 0, 0.0, 479.0, "fixation"),
    ]
    assert table.attrs == {"geometry": {"space": "video", "video_size": [640, 480]}, "dropped": {}}
    one = fixations.read(put(), format="salicon", video="COCO_train2014_000000000007")
    assert rows(one, "subject", "frame", "x", "y") == [("128", 0, 0.0, 479.0)]


def test_images_of_several_sizes_state_none(put):
    images = [JSON["images"][0], JSON["images"][1] | {"width": 480, "height": 640}]
    assert salicon(put(JSON | {"images": images})).attrs["geometry"] == {"space": "video"}


def test_bad_entries_are_counted(put):
    entries = [
        {"image_id": 9, "fixations": [[1, 2], [1], "x", [None, 3], [1, 2, 3]], "worker_id": 1},
        {"image_id": 9, "fixations": "none", "worker_id": 1},
        {"image_id": [1], "fixations": [[1, 2]], "worker_id": 1},
        {"fixations": [[float("nan"), 2]], "worker_id": 1},
    ]
    table = salicon(put(JSON | {"annotations": entries}))
    assert rows(table, "x", "y") == [(1.0, 0.0)]
    assert table.attrs["dropped"] == {"no_video": 2, "not_a_number": 4}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "neither MATLAB nor JSON"),
        ("{}", "neither MATLAB nor JSON"),
        (json.dumps(JSON)[:-20], "damaged JSON at character"),
        (json.dumps(JSON | {"images": [1]}), "is no object"),
        (json.dumps(JSON).replace('"fixations": [[242', '"fixations": [[[[242'), "damaged JSON"),
    ],
)
def test_what_is_not_of_this_form_is_refused(put, content, message):
    with pytest.raises(InputError, match=message):
        salicon(put(content))


def test_real_sample(shared):
    path = shared / "data/static_fixations/salicon/fixations_train2014examples.json"
    table = salicon(path)
    raw = json.loads(path.read_text())
    assert len(table) == sum(len(each["fixations"]) for each in raw["annotations"]) == 73_630
    assert (table["video"].nunique(), table["subject"].nunique()) == (10, 395)
    assert table[["x", "y"]].min().tolist() == [0, 0]
    assert table[["x", "y"]].max().tolist() == [639, 479]
    assert table.attrs == {"geometry": {"space": "video", "video_size": [640, 480]}, "dropped": {}}
    # The first person on the first picture: [242, 314], [242, 315], [242, 318].
    first = table[(table["video"] == "COCO_train2014_000000123855.jpg")][:3]
    assert rows(first, "x", "y") == [(313.0, 241.0), (314.0, 241.0), (317.0, 241.0)]


def test_random_damage_ends_in_rows_or_in_an_input_error(put, image):
    rng = np.random.default_rng(14)
    for path in (put(), image()):
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(60):
            broken = whole.copy()
            broken[rng.integers(0, len(broken), 4)] = rng.integers(0, 256, 4)
            path.write_bytes(broken[: rng.integers(1, len(broken) * 2)].tobytes())
            try:
                table = salicon(path)
            except InputError:
                continue
            assert np.isfinite(table[["x", "y"]]).all(axis=None)
            assert set(table["frame"]) <= {0}
