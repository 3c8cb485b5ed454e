"""A model on loopback for real agents: words in the prompt choose its answers (words.py).

For each request for a turn the log gets a JSON
line: time, path, model, auxiliary, text (exactly what was typed last), after_tool, digest (of the
conversation: a retry has the same), kind; at the end of the answer a line `answered`.
`python -m assigner.trial.model LOG` prints the port, and serves until it is killed.
"""

import argparse
import gzip
import hashlib
import json
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from assigner.trial.protocols import PROTOCOLS, Body, Call, Event, Failure, Request, call
from assigner.trial.words import FAILURES, Wish, answer, wish


class DroppedError(Exception):
    """The connection must break here."""


class Model:
    """The server, in a thread of its own; a context manager."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._writing = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.model = self
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def write(self, **fields: object) -> None:
        with self._writing, self.log.open("a") as file:
            file.write(json.dumps({"time": time.time(), **fields}) + "\n")

    def requests(self) -> list[dict[str, Any]]:
        """The requests so far."""
        with self._writing:
            text = self.log.read_text() if self.log.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def received(self) -> list[str]:
        """The prompts so far, in order, without blanks around them.

        Requests of one turn count once: a retry repeats the conversation, a tool's result
        continues it.
        """
        seen: dict[str, str] = {}
        for request in self.requests():
            if request.get("path") and not request["auxiliary"] and not request["after_tool"]:
                seen.setdefault(request["digest"], request["text"].strip())
        return list(seen.values())

    def answered(self, text: str) -> bool:
        """Whether the answer to a prompt with that text has come to its end."""
        return any(text in line.get("answered", "") for line in self.requests())


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    model: Model

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_HEAD(self) -> None:
        self._whole(200, {})

    def do_GET(self) -> None:
        self._whole(404, {"error": {"type": "not_found_error", "message": self.path}})

    def do_POST(self) -> None:
        body = self._body()
        path = self.path.partition("?")[0]
        protocol = next((PROTOCOLS[end] for end in PROTOCOLS if path.endswith(end)), None)
        if protocol is None:  # tokens are counted, events told
            self._whole(200, {"input_tokens": 10})
            return
        request = protocol.read(body)
        wanted = Wish("say", 0, "A title") if request.auxiliary else wish(request.text)
        conversation = json.dumps([body.get("messages"), body.get("input")])
        self.server.model.write(
            path=path,
            model=request.model,
            auxiliary=request.auxiliary,
            text=request.text,
            after_tool=request.after_tool,
            digest=hashlib.sha256(conversation.encode()).hexdigest()[:16],
            kind=wanted.kind,
            tools=sorted(request.tools),
        )
        if wanted.kind in FAILURES:
            self._fail(protocol.failure(wanted.kind))
            return
        wants = None
        if not request.after_tool:
            wants = call(wanted.kind, wanted.argument, request.tools)
        words = _words(wanted, request, wants)
        try:
            if request.stream:
                self._stream(protocol.stream(request.model, words, wants))
            else:
                self._whole(200, protocol.whole(request.model, "".join(words), wants))
        except DroppedError:
            self.close_connection = True
            return
        if wants is None and not request.auxiliary:
            self.server.model.write(answered=request.text)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: the log has all requests."""

    def _body(self) -> Body:
        if "chunked" in self.headers.get("transfer-encoding", ""):
            data = b""
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            data = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.headers.get("content-encoding") == "gzip":
            data = gzip.decompress(data)
        body = json.loads(data or b"{}")
        assert isinstance(body, dict)
        return body

    def _whole(self, status: int, body: Body, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _fail(self, failure: Failure) -> None:
        self._whole(failure.status, failure.body, failure.headers)

    def _stream(self, events: Iterator[Event]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in events:
            named = f"event: {event.name}\n" if event.name else ""
            data = event.data if isinstance(event.data, str) else json.dumps(event.data)
            told = f"{named}data: {data}\n\n".encode()
            self.wfile.write(b"%x\r\n%b\r\n" % (len(told), told))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")


def _words(wanted: Wish, request: Request, wants: Call | None) -> Iterator[str]:
    """The answer, piece by piece, as slowly as is wanted."""
    kind, seconds, argument = wanted
    if wants is not None:
        yield "That takes a tool. "
    elif request.after_tool:
        yield "The tool has answered."
    elif kind == "slow":
        for second in range(1, int(seconds) + 1):
            yield f"second {second}\n\n"
            time.sleep(1)
        yield "At the end."
    elif kind == "drop":
        yield "half an answer "
        raise DroppedError
    elif kind in ("tool", "ask"):
        yield "there is no tool for that"
    else:
        time.sleep(seconds)
        yield argument if kind == "say" else answer(request.text)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m assigner.trial.model")
    parser.add_argument("log", type=Path, metavar="LOG", help="the file that records requests")
    with Model(parser.parse_args().log) as model:
        print(model.port, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
