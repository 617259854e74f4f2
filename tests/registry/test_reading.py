"""Record files of all shapes, and broken ones: what is wrong is said with its line, and the rest is read."""

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from notifier.errors import NotifierError
from notifier.registry import elements, lines
from notifier.registry.reading import read_paths
from notifier.registry.records import RawRecord, Rejection
from tests.registry.samples import study

IDS = ["NCT00000001", "NCT00000002", "NCT00000003"]
STUDIES = [study(nctId=nct_id) for nct_id in IDS]
BROKEN = '{"protocolSection": {"identificationModule": {"nctId": "NCT00000009"'


def read(path: Path) -> tuple[list[str], list[Rejection]]:
    """The NCT ids that were found, and what was rejected."""
    found = list(read_paths([path]))
    records = [item.data for item in found if isinstance(item, RawRecord)]
    ids = [record["protocolSection"]["identificationModule"]["nctId"] for record in records]
    return ids, [item for item in found if isinstance(item, Rejection)]


def write(folder: Path, name: str, content: str | bytes) -> Path:
    data = content.encode() if isinstance(content, str) else content
    path = folder / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def page(studies: list[Any], **rest: Any) -> dict[str, Any]:
    return {**rest, "studies": studies}


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "value",
    [
        STUDIES,
        page(STUDIES),
        page(STUDIES, totalCount=3, nextPageToken="a]b{"),
        {"studies": STUDIES, "nextPageToken": "abc"},
    ],
    ids=["list", "page", "page with a head", "page with a tail"],
)
def test_a_list_or_page_gives_its_studies(
    tmp_path: Path, value: Any, indent: int | None, packed: str
) -> None:
    path = write(tmp_path, f"studies.json{packed}", json.dumps(value, indent=indent))
    assert read(path) == (IDS, [])


def test_one_study_is_a_file(tmp_path: Path) -> None:
    assert read(write(tmp_path, "study.json", json.dumps(STUDIES[0], indent=1))) == (IDS[:1], [])


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_lines_may_end_either_way_be_empty_and_begin_with_a_mark(tmp_path: Path, ending: str) -> None:
    text = "\ufeff" + ending.join(
        [json.dumps(STUDIES[0]), "", json.dumps(STUDIES[1]), json.dumps(STUDIES[2])]
    )
    assert read(write(tmp_path, "studies.ndjson", text)) == (IDS, [])


def test_a_folder_gives_its_record_files_in_order(tmp_path: Path) -> None:
    write(tmp_path, "b.ndjson.gz", json.dumps(STUDIES[1]))
    write(tmp_path, "a.json", json.dumps(STUDIES[0]))
    write(tmp_path, "c.json.gz", json.dumps([STUDIES[2]]))
    write(tmp_path, "notes.txt", "not a record")
    assert read(tmp_path) == (IDS, [])


def test_an_empty_list_or_file_holds_nothing(tmp_path: Path) -> None:
    for name, text in (("a.json", "[]"), ("b.json", '{"studies": []}'), ("c.json", " \n"), ("d.ndjson", "")):
        assert read(write(tmp_path, name, text)) == ([], [])


def test_a_broken_line_is_rejected_with_its_number_and_the_rest_is_read(tmp_path: Path) -> None:
    text = "\n".join([json.dumps(STUDIES[0]), BROKEN, "", json.dumps(STUDIES[1])])
    ids, [rejection] = read(write(tmp_path, "studies.ndjson", text))
    assert ids == IDS[:2]
    assert rejection.file.endswith("studies.ndjson")
    assert rejection.line == 2
    assert "not valid JSON" in rejection.reason


def test_a_line_that_is_not_utf_8_is_rejected(tmp_path: Path) -> None:
    text = b"\n".join(json.dumps(item).encode() for item in STUDIES[:2])
    second = text.index(b"\n")
    text = text[:second] + text[second:].replace(b"Tired", b"Tir\xe9d")
    ids, [rejection] = read(write(tmp_path, "studies.ndjson", text))
    assert ids == IDS[:1]
    assert (rejection.line, "UTF-8" in rejection.reason) == (2, True)


@pytest.mark.parametrize("name", ["studies.ndjson.gz", "studies.json.gz"])
def test_a_gzip_that_is_cut_off_gives_what_came_before(tmp_path: Path, name: str) -> None:
    many = [study(nctId=f"NCT{number:08}", briefTitle=f"{number * 7919}") for number in range(500)]
    text = json.dumps(many, indent=1) if ".json" in name else "\n".join(map(json.dumps, many))
    path = write(tmp_path, name, text)
    path.write_bytes(path.read_bytes()[:-2000])
    ids, [rejection] = read(path)
    assert ids == [f"NCT{number:08}" for number in range(len(ids))]
    assert len(ids) > 100
    assert "cut off" in rejection.reason
    assert rejection.line > 0


def test_what_is_called_gz_and_is_none_is_said(tmp_path: Path) -> None:
    path = tmp_path / "studies.ndjson.gz"
    path.write_text(json.dumps(STUDIES[0]))
    ids, [rejection] = read(path)
    assert ids == []
    assert "cannot be read" in rejection.reason


@pytest.mark.parametrize("name", ["studies.ndjson", "studies.json"])
def test_something_huge_is_rejected_without_being_held(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (lines, elements):
        monkeypatch.setattr(module, "MAX_RECORD", 1 << 20)
    huge = '{"protocolSection": {"x": "' + "y" * (16 << 20) + '"}}'
    items = [json.dumps(STUDIES[0]), huge, json.dumps(STUDIES[1])]
    path = write(tmp_path, name, "\n".join(items) if "nd" in name else "[" + ",\n".join(items) + "]")
    tracemalloc.start()
    ids, [rejection] = read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert ids == IDS[:2]
    assert (rejection.line, "larger than" in rejection.reason) == (2, True)
    assert peak < 10 << 20


def test_a_long_list_is_read_in_constant_memory(tmp_path: Path) -> None:
    path = tmp_path / "studies.json.gz"
    with gzip.open(path, "wt", compresslevel=1) as file:
        file.write('{"totalCount": 1500, "studies": [')
        for number in range(1500):
            file.write(
                ("," if number else "")
                + json.dumps(study(nctId=f"NCT{number:08}", briefSummary="z" * 10_000))
            )
        file.write("]}")
    tracemalloc.start()
    count = sum(1 for _ in read_paths([path]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 1500
    assert peak < 10 << 20


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(
            lambda good: good.replace('"hasResults": false', '"hasResults": fals', 1), id="a bad word"
        ),
        pytest.param(lambda good: good[:-1], id="a bracket too few"),
        pytest.param(lambda good: good.replace('"ALL"', '"ALL', 1), id="a quotation mark too few"),
        pytest.param(lambda good: good[: len(good) // 2], id="cut in the middle"),
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_a_broken_study_in_a_list_does_not_take_the_next_with_it(
    tmp_path: Path, broken: Any, indent: int | None
) -> None:
    texts = [json.dumps(item, indent=indent) for item in STUDIES]
    texts[1] = broken(texts[1])
    ids, [rejection] = read(write(tmp_path, "studies.json", "[\n" + ",\n".join(texts) + "\n]"))
    assert ids == [IDS[0], IDS[2]]
    assert rejection.line == 2 + texts[0].count("\n") + 1


def test_a_bracket_too_many_between_two_studies_is_rejected_by_itself(tmp_path: Path) -> None:
    text = "[" + json.dumps(STUDIES[0]) + "},\n" + json.dumps(STUDIES[1]) + "]"
    ids, rejections = read(write(tmp_path, "studies.json", text))
    assert (ids, len(rejections)) == (IDS[:2], 1)


def test_elements_that_are_no_objects_are_passed_on_as_they_are(tmp_path: Path) -> None:
    path = write(tmp_path, "studies.json", json.dumps([1, "a, [b]", None, [2], STUDIES[0], True]))
    found = [item.data for item in read_paths([path]) if isinstance(item, RawRecord)]
    assert found == [1, "a, [b]", None, 2, STUDIES[0], True]


def test_a_list_without_an_end_is_said(tmp_path: Path) -> None:
    ids, [rejection] = read(write(tmp_path, "studies.json", "[" + json.dumps(STUDIES[0]) + ","))
    assert ids == IDS[:1]
    assert "no end" in rejection.reason


def test_brackets_and_quotation_marks_inside_texts_split_nothing(tmp_path: Path) -> None:
    odd = study(nctId=IDS[1], briefTitle='a "quoted\\" ]}, {"protocolSection": [[ title \\')
    assert read(write(tmp_path, "studies.json", json.dumps([STUDIES[0], odd, STUDIES[2]]))) == (IDS, [])


def test_any_chunk_size_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "studies.json", json.dumps(page(STUDIES, totalCount=3), indent=1))
    for size in (1, 7, 64, 1000):
        monkeypatch.setattr(elements, "CHUNK", size + 40)
        assert read(path) == (IDS, [])


@pytest.mark.parametrize("name", ["missing.ndjson", "notes.txt", "."])
def test_a_path_that_is_no_record_file_is_refused_with_a_remedy(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(NotifierError):
        read_paths([tmp_path / name])


def test_progress_counts_the_bytes_on_disk(tmp_path: Path) -> None:
    paths = [write(tmp_path, f"{number}.ndjson.gz", json.dumps(STUDIES[number])) for number in range(3)]
    seen: list[tuple[int, int]] = []
    list(read_paths(paths, lambda done, total: seen.append((done, total))))
    size = sum(path.stat().st_size for path in paths)
    assert seen[-1] == (size, size)
    assert seen == sorted(seen)
