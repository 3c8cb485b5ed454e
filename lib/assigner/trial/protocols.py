"""The three protocols of models: how to read an agent's request, and how to answer it.

Anthropic's messages, OpenAI's responses and chat completions; of each as much as it takes for an
agent to complete its turns.
"""

import itertools
import json
import re
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

Body = dict[str, Any]
_ids = itertools.count(1)

# What agents put before a prompt, or between prompts, as if it had been typed
_NOTICES = (
    "<system-reminder>", "<environment_context>", "<user_instructions>", "# AGENTS.md",
    "<permissions", "<turn_aborted>", "<local-command-", "<command-name>", "<skills_instructions>",
    "[Request interrupted by user", "Caveat: The messages below",
)  # fmt: skip
_PASTED = re.compile(r"""(?x) \s* <pasted_content[ ]id="(?P<id>\w+)">\n
    (?P<text>[\s\S]*) \n</pasted_content[ ]id="(?P=id)"> \s*""")
_SHELLS = ("Bash", "bash", "exec_command", "shell_command", "shell", "exec")
_QUESTIONS = ("AskUserQuestion", "question", "request_user_input")
# What a tool is told beside its command, so that a person is asked
_ASKING = {
    "description": "what a test wants",
    "sandbox_permissions": "require_escalated",
    "justification": "May a test do that?",
}
_COLORS = {
    "question": "Which colour?",
    "header": "Colour",
    "id": "colour",
    "multiSelect": False,
    "multiple": False,
    "options": [
        {"label": "Red", "description": "a red one"},
        {"label": "Blue", "description": "a blue one"},
    ],
}


# What OpenCode says to itself once it has summed up a conversation that was too long
_GOES_ON = "The previous request exceeded the provider's size limit"


class Request(NamedTuple):
    """What was asked: `text` was typed last, exactly; `tools` may be called, by name."""

    model: str
    text: str
    after_tool: bool
    tools: dict[str, Body]
    schema: bool
    stream: bool

    @property
    def auxiliary(self) -> bool:
        """Whether it is no turn of a person's: a title, a summary, a question of its own."""
        return not self.tools or self.schema or self.text.startswith(_GOES_ON)


class Call(NamedTuple):
    """A tool that the model wants to have run; `arguments` is text for a freeform one."""

    tool: str
    arguments: Body | str


class Failure(NamedTuple):
    """An answer that is none."""

    status: int
    headers: dict[str, str]
    body: Body


class Event(NamedTuple):
    """One event of a streamed answer."""

    name: str | None
    data: Body | str


def call(kind: str, argument: str, tools: dict[str, Body]) -> Call | None:
    """The call that a prompt wants, of a tool that there is."""
    if kind == "tool":
        for name in filter(tools.__contains__, _SHELLS):
            if name == "exec":  # freeform: a script
                script = f"text(await tools.exec_command({json.dumps({'cmd': argument})}))"
                return Call(name, script)
            known = tools[name].get("properties", {})
            key = "cmd" if "cmd" in known else "command"
            listed = known.get(key, {}).get("type") == "array"
            command = ["bash", "-lc", argument] if listed else argument
            told = {field: text for field, text in _ASKING.items() if field in known}
            return Call(name, {key: command, **told})
    if kind == "ask":
        for name in filter(tools.__contains__, _QUESTIONS):
            items = tools[name]["properties"]["questions"]["items"]["properties"]
            return Call(
                name, {"questions": [{key: _COLORS[key] for key in _COLORS if key in items}]}
            )
    return None


def _new(kind: str) -> str:
    return f"{kind}_{next(_ids):08d}"


def _texts(content: object) -> list[str]:
    """The parts of a message that were typed."""
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    assert isinstance(content, list)
    texts = [part["text"] for part in content if part.get("type") in ("text", "input_text")]
    return [text for text in texts if text.strip() and not text.lstrip().startswith(_NOTICES)]


def _unwrapped(text: str) -> str:
    """What was pasted, without the tags that Claude Code puts around a long paste."""
    found = _PASTED.fullmatch(text)
    return re.sub(r"<\\(?=/?pasted_content\b)", "<", found["text"]) if found else text


class Messages:
    """Anthropic's messages."""

    def read(self, body: Body) -> Request:
        text, after_tool = "", False
        for message in body.get("messages", []):
            if message["role"] != "user":
                continue
            content = message["content"]
            if texts := _texts(content):
                text, after_tool = _unwrapped(texts[-1]), False
            elif not isinstance(content, str) and any(
                part.get("type") == "tool_result" for part in content
            ):
                after_tool = True
        tools = {tool["name"]: tool.get("input_schema", {}) for tool in body.get("tools", [])}
        config = body.get("output_config") or {}
        schema = bool(config.get("format") or body.get("output_format"))
        return Request(body["model"], text, after_tool, tools, schema, bool(body.get("stream")))

    def stream(self, model: str, words: Iterable[str], call: Call | None) -> Iterator[Event]:
        def event(name: str, **fields: object) -> Event:
            return Event(name, {"type": name, **fields})

        yield event("message_start", message=self._message(model, [], None))
        yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        for word in words:
            delta = {"type": "text_delta", "text": word}
            yield event("content_block_delta", index=0, delta=delta)
        yield event("content_block_stop", index=0)
        if call is not None:
            block = {"type": "tool_use", "id": _new("toolu"), "name": call.tool, "input": {}}
            yield event("content_block_start", index=1, content_block=block)
            delta = {"type": "input_json_delta", "partial_json": json.dumps(call.arguments)}
            yield event("content_block_delta", index=1, delta=delta)
            yield event("content_block_stop", index=1)
        reason = {"stop_reason": "tool_use" if call else "end_turn", "stop_sequence": None}
        yield event("message_delta", delta=reason, usage={"output_tokens": 5})
        yield event("message_stop")

    def whole(self, model: str, text: str, call: Call | None) -> Body:
        content: list[Body] = [{"type": "text", "text": text}]
        if call is not None:
            used = {"id": _new("toolu"), "name": call.tool, "input": call.arguments}
            content.append({"type": "tool_use", **used})
        return self._message(model, content, "tool_use" if call else "end_turn")

    def failure(self, kind: str) -> Failure:
        status, type_, message = {
            "fail401": (401, "authentication_error", "invalid x-api-key"),
            "context": (
                400,
                "invalid_request_error",
                "prompt is too long: 210000 tokens > 200000 maximum",
            ),
            "ratelimit": (429, "rate_limit_error", "too many requests"),
            "quota": (429, "rate_limit_error", "This request would exceed your account's limit."),
            "limit": (429, "rate_limit_error", "This request would exceed your account's limit."),
        }.get(kind, (500, "api_error", "internal error"))
        reset = str(int(time.time()) + 3600)
        unified = "anthropic-ratelimit-unified"
        headers = {
            "quota": {
                f"{unified}-status": "rejected",
                f"{unified}-reset": reset,
                f"{unified}-representative-claim": "five_hour",
                f"{unified}-5h-status": "rejected",
                f"{unified}-5h-reset": reset,
                f"{unified}-5h-utilization": "1.0",
                "retry-after": "3600",
            },
            "ratelimit": {"retry-after": "1"},
        }.get(kind, {})
        error = {"type": "error", "error": {"type": type_, "message": message}}
        return Failure(status, headers, error)

    def _message(self, model: str, content: list[Body], reason: str | None) -> Body:
        return {
            "id": _new("msg"), "type": "message", "role": "assistant", "model": model,
            "content": content, "stop_reason": reason, "stop_sequence": None,
            "usage": {"input_tokens": 10, "output_tokens": 5},
        }  # fmt: skip


class _OpenAI:
    """What OpenAI's two protocols share."""

    exhausted = "insufficient_quota"

    def failure(self, kind: str) -> Failure:
        status, code, message = {
            "fail401": (401, "invalid_api_key", "Incorrect API key provided"),
            "context": (
                400,
                "context_length_exceeded",
                "Your input exceeds the context window of this model.",
            ),
            "ratelimit": (429, "rate_limit_exceeded", "Rate limit reached: too many requests"),
            "quota": (429, self.exhausted, "You exceeded your current quota"),
            "limit": (429, self.exhausted, "You exceeded your current quota"),
        }.get(kind, (500, "server_error", "internal error"))
        error: Body = {"message": message, "type": code, "code": code, "param": None}
        if kind == "quota":
            reset = int(time.time()) + 3600
            error |= {"plan_type": "plus", "resets_at": reset, "resets_in_seconds": 3600}
        return Failure(
            status, {"retry-after": "1"} if kind == "ratelimit" else {}, {"error": error}
        )


class Responses(_OpenAI):
    """OpenAI's responses."""

    exhausted = "usage_limit_reached"

    def read(self, body: Body) -> Request:
        text, after_tool = "", False
        for item in body["input"]:
            if item.get("type", "message") == "message" and item["role"] == "user":
                if texts := _texts(item["content"]):
                    text, after_tool = texts[-1], False
            elif item.get("type", "").endswith("_call_output"):
                after_tool = True
        tools = {
            tool.get("name", tool["type"]): tool.get("parameters", {})
            for tool in body.get("tools") or []
        }
        schema = bool((body.get("text") or {}).get("format"))
        return Request(body["model"], text, after_tool, tools, schema, bool(body.get("stream")))

    def stream(self, model: str, words: Iterable[str], call: Call | None) -> Iterator[Event]:
        numbers = itertools.count()

        def event(name: str, **fields: object) -> Event:
            return Event(name, {"type": name, "sequence_number": next(numbers), **fields})

        response = {"id": _new("resp"), "object": "response", "model": model}
        yield event(
            "response.created", response={**response, "status": "in_progress", "output": []}
        )
        message, *calls = self._items("", call)
        place = {"item_id": message["id"], "output_index": 0, "content_index": 0}
        part = {"type": "output_text", "text": "", "annotations": []}
        begun = {**message, "status": "in_progress", "content": []}
        yield event("response.output_item.added", output_index=0, item=begun)
        yield event("response.content_part.added", part=part, **place)
        for word in words:
            message["content"][0]["text"] += word
            yield event("response.output_text.delta", delta=word, **place)
        yield event("response.output_text.done", text=message["content"][0]["text"], **place)
        yield event("response.output_item.done", output_index=0, item=message)
        for index, item in enumerate(calls, 1):
            yield event("response.output_item.added", output_index=index, item=item)
            yield event("response.output_item.done", output_index=index, item=item)
        whole = {**response, "status": "completed", "output": [message, *calls]}
        yield event("response.completed", response=whole | {"usage": self._usage()})

    def whole(self, model: str, text: str, call: Call | None) -> Body:
        response = {"id": _new("resp"), "object": "response", "model": model, "status": "completed"}
        return {**response, "output": self._items(text, call), "usage": self._usage()}

    def _items(self, text: str, call: Call | None) -> list[Body]:
        content = [{"type": "output_text", "text": text, "annotations": []}]
        message = {"type": "message", "id": _new("msg"), "role": "assistant", "content": content}
        items: list[Body] = [{**message, "status": "completed"}]
        if call is not None:
            called = {"call_id": _new("call"), "name": call.tool, "status": "completed"}
            if isinstance(call.arguments, str):
                called |= {"type": "custom_tool_call", "id": _new("ctc"), "input": call.arguments}
            else:
                written = json.dumps(call.arguments)
                called |= {"type": "function_call", "id": _new("fc"), "arguments": written}
            items.append(called)
        return items

    def _usage(self) -> Body:
        return {
            "input_tokens": 10, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 5,
            "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 15,
        }  # fmt: skip


class Chat(_OpenAI):
    """OpenAI's chat completions."""

    def read(self, body: Body) -> Request:
        text, after_tool = "", False
        for message in body["messages"]:
            if message["role"] == "user" and (texts := _texts(message["content"])):
                text, after_tool = texts[-1], False
            elif message["role"] == "tool":
                after_tool = True
        functions = [tool["function"] for tool in body.get("tools") or []]
        tools = {function["name"]: function.get("parameters", {}) for function in functions}
        schema = (body.get("response_format") or {}).get("type") == "json_schema"
        return Request(body["model"], text, after_tool, tools, schema, bool(body.get("stream")))

    def stream(self, model: str, words: Iterable[str], call: Call | None) -> Iterator[Event]:
        base = {"id": _new("chatcmpl"), "object": "chat.completion.chunk", "model": model}

        def chunk(delta: Body, reason: str | None = None) -> Event:
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            return Event(None, {**base, "created": int(time.time()), "choices": [choice]})

        yield chunk({"role": "assistant", "content": ""})
        for word in words:
            yield chunk({"content": word})
        if call is not None:
            yield chunk({"tool_calls": [{"index": 0, **self._call(call)}]})
        yield chunk({}, "tool_calls" if call else "stop")
        yield Event(None, {**base, "created": int(time.time()), "choices": [], **self._usage()})
        yield Event(None, "[DONE]")

    def whole(self, model: str, text: str, call: Call | None) -> Body:
        message: Body = {"role": "assistant", "content": text}
        if call is not None:
            message["tool_calls"] = [self._call(call)]
        reason = "tool_calls" if call else "stop"
        return {
            "id": _new("chatcmpl"), "object": "chat.completion", "created": int(time.time()),
            "model": model, **self._usage(),
            "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        }  # fmt: skip

    def _call(self, call: Call) -> Body:
        function = {"name": call.tool, "arguments": json.dumps(call.arguments)}
        return {"id": _new("call"), "type": "function", "function": function}

    def _usage(self) -> Body:
        return {"usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}}


# By how a request's path ends
PROTOCOLS: dict[str, Messages | Responses | Chat] = {
    "/messages": Messages(),
    "/responses": Responses(),
    "/chat/completions": Chat(),
}
