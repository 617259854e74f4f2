"""A small registry on a loopback port. Stricter than the real one: it refuses what it does not know, and a token that
comes with another question."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, Any, dict[str, str]]
Query = dict[str, str]

KNOWN = {"format", "filter.advanced", "filter.ids", "pageSize", "pageToken"}
POSTED = re.compile(r"AREA\[LastUpdatePostDate\]RANGE\[(\d{4}-\d\d-\d\d),MAX\]")


@dataclass
class Registry:
    """`answers` are given in order, before all else. `most` studies are on a page, and none on those in `holes`.
    `on_studies` is called with each question for studies, before its answer."""

    url: str = ""
    records: list[Any] = field(default_factory=list)
    data_timestamp: str = "2026-11-20T09:00:05"
    most: int = 1000
    holes: set[int] = field(default_factory=set)
    refused_ids: set[str] = field(default_factory=set)
    answers: list[Answer] = field(default_factory=list)
    on_studies: Callable[[Query], object] = lambda _: None
    asked: list[tuple[str, Query]] = field(default_factory=list)

    def answer(self, path: str, query: Query) -> Answer:
        self.asked.append((path, query))
        if self.answers:
            return self.answers.pop(0)
        if path == "/version":
            return 200, {"apiVersion": "2.0.5", "dataTimestamp": self.data_timestamp}, {}
        if path != "/studies" or query.keys() - KNOWN:
            return 400, "Invalid parameter name", {}
        self.on_studies(query)
        return self._page(query)

    def _page(self, query: Query) -> Answer:
        if self.refused_ids & set(query.get("filter.ids", "").split(",")):
            return 400, "Parameter `filter.ids` has incorrect format", {}
        question = {key: value for key, value in query.items() if key != "pageToken"}
        number, start, asked = json.loads(query.get("pageToken", "[0, 0, null]"))
        if asked not in (None, question):
            return 400, "Invalid pageToken", {}
        found = self._found(query)
        end = start if number in self.holes else start + min(self.most, int(query["pageSize"]))
        following = {"nextPageToken": json.dumps([number + 1, end, question])} if end < len(found) else {}
        return 200, {"studies": found[start:end], **following}, {}

    def _found(self, query: Query) -> list[Any]:
        if "filter.ids" in query:
            wanted = query["filter.ids"].split(",")
            return [
                one for one in self.records if _module(one, "identificationModule").get("nctId") in wanted
            ]
        since = POSTED.fullmatch(query["filter.advanced"])
        assert since
        return [one for one in self.records if _posted(one) >= since[1]]

    @property
    def pages(self) -> list[Query]:
        """The questions for studies, so far."""
        return [query for path, query in self.asked if path == "/studies"]


def _module(record: Any, name: str) -> dict[str, Any]:
    section = record.get("protocolSection")
    return section.get(name, {}) if isinstance(section, dict) else {}


def _posted(record: Any) -> str:
    """A broken record is found whatever one asks for."""
    return str(_module(record, "statusModule").get("lastUpdatePostDateStruct", {}).get("date", "9999-12-31"))


def _handler(registry: Registry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(address.query).items()}
            status, body, headers = registry.answer(address.path, query)
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            pass

    return Handler


@contextmanager
def serving() -> Iterator[Registry]:
    registry = Registry()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(registry))
    registry.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
