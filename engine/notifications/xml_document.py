"""The little XML that SMQ speaks: elements and text. Attributes, namespaces and comments tell nothing here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers.expat import ExpatError, ParserCreate

MAX_DEPTH = 8
MAX_ELEMENTS = 10_000


@dataclass(slots=True)
class Element:
    name: str  # without its namespace
    text: str = ""  # all that stands directly in it, without space around it
    children: list[Element] = field(default_factory=list)

    def fields(self) -> dict[str, str]:
        """The text of each child by its name; of equal names the last one counts."""
        return {child.name: child.text for child in self.children}


def xml_document(body: bytes) -> Element:
    """The root of a document in UTF-8.

    Raises:
        ValueError: it is not well-formed, is too large, or declares a document type: entities are not expanded.
    """
    top = Element("")
    path = [top]  # from the top to where the parser is
    texts: list[list[str]] = [[]]
    count = 0

    def start(name: str, _: object) -> None:
        nonlocal count
        count += 1
        if len(path) > MAX_DEPTH or count > MAX_ELEMENTS:
            raise ValueError("it has more elements than any message has")
        path.append(Element(name.rpartition(" ")[2]))
        path[-2].children.append(path[-1])
        texts.append([])

    def end(_: str) -> None:
        path.pop().text = "".join(texts.pop()).strip()

    def characters(data: str) -> None:
        texts[-1].append(data)

    def refuse(*_: object) -> NoReturn:
        raise ValueError("it declares a document type, which is not read")

    # The encoding is fixed: one that the document names would be looked up among all of Python's.
    parser = ParserCreate("utf-8", " ")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(body, True)
    except ExpatError as error:
        raise ValueError(f"it is not well-formed: {error}") from None
    return top.children[0]
