"""The descriptor files of MeSH as the National Library of Medicine publishes them each year: desc….xml and d….bin,
packed with gzip or not."""

import gzip
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from notifier.errors import NotifierError

CONDITION_TREES = ("C", "F03")  # diseases, mental disorders
SAME = "EQV"  # another name of the same; else it is narrower, broader or only related
HELP = "Give it desc….xml or d….bin of https://www.nlm.nih.gov/databases/download/mesh.html, .gz or not."


@dataclass
class Descriptor:
    id: str = ""
    heading: str = ""
    trees: list[str] = field(default_factory=list)
    terms: dict[str, bool] = field(default_factory=dict)
    """{entry term: whether it means the same as the heading}"""

    @property
    def is_condition(self) -> bool:
        return any(tree.startswith(CONDITION_TREES) for tree in self.trees)


def read_descriptors(path: Path) -> Iterator[Descriptor]:
    """Every descriptor, in constant memory. Raises NotifierError for what is no such file."""
    try:
        with _opened(path) as file:
            is_xml = file.read(200).lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<")
            file.seek(0)
            yield from _complete(_xml(file) if is_xml else _ascii(file), path)
    except (OSError, EOFError, UnicodeDecodeError, ElementTree.ParseError, zlib.error) as error:
        raise NotifierError(f"{path} cannot be read ({type(error).__name__}).", HELP) from None


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(path)) if packed else path.open("rb")


def _complete(descriptors: Iterator[Descriptor], path: Path) -> Iterator[Descriptor]:
    found = conditions = 0
    for descriptor in descriptors:
        if descriptor.id and descriptor.heading:
            if any("\0" in name for name in (descriptor.id, descriptor.heading, *descriptor.terms)):
                raise NotifierError(f"{path} cannot be read (a name with a NUL in it).", HELP)
            found += 1
            conditions += descriptor.is_condition
            yield descriptor
    if not found:
        raise NotifierError(f"{path} holds no descriptor of MeSH.", HELP)
    if not conditions:
        raise NotifierError(f"{path} holds no condition: no descriptor of the trees C or F03.", HELP)


def _xml(file: IO[bytes]) -> Iterator[Descriptor]:
    # It is a file of the operator's own choice, and expat bounds what entities may grow to.
    events = ElementTree.iterparse(file, events=("start", "end"))  # noqa: S314
    _, root = next(events)
    for event, element in events:
        if event == "end" and element.tag == "DescriptorRecord":
            yield _from_xml(element)
            root.clear()


def _from_xml(record: ElementTree.Element) -> Descriptor:
    found = Descriptor(
        record.findtext("DescriptorUI", "").strip(),
        record.findtext("DescriptorName/String", "").strip(),
        [tree.text or "" for tree in record.iterfind("TreeNumberList/TreeNumber")],
    )
    for concept in record.iterfind("ConceptList/Concept"):
        same = concept.get("PreferredConceptYN") == "Y"
        for term in concept.iterfind("TermList/Term/String"):
            found.terms[(term.text or "").strip()] = same
    return found


def _ascii(file: IO[bytes]) -> Iterator[Descriptor]:
    found = Descriptor()
    for line in file:
        name, _, value = line.decode("utf-8").strip().partition(" = ")
        if name == "*NEWRECORD":
            yield found
            found = Descriptor()
        elif name == "MH":
            found.heading = value
        elif name == "UI":
            found.id = value
        elif name == "MN":
            found.trees.append(value)
        elif name in ("ENTRY", "PRINT ENTRY"):
            term, same = _entry(value)
            found.terms[term] = same
    yield found


def _entry(value: str) -> tuple[str, bool]:
    """Its last part names the others by letters: a is the term, d how it relates to the heading."""
    parts = value.split("|")
    shape = parts[-1]
    if len(parts) == 1 or "d" not in shape or len(shape) != len(parts) - 1:
        return parts[0], True
    return parts[0], parts[shape.index("d")] == SAME
