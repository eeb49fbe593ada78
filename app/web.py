"""What every answer of the server carries, what it refuses to take in, and `/health`."""

from typing import TYPE_CHECKING, Any

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from app.handlers import Handlers
from app.messages import logged

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 1_000_000  # two texts of the longest kind, in the widest letters, twice over
_HEADERS = {
    # Gradio's page runs inline scripts, and ours by way of `Function`; nothing comes from or goes to elsewhere.
    # Spaces embed the page in a frame of huggingface.co.
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; "
        "frame-ancestors 'self' https://huggingface.co https://*.hf.space"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
_PRIVATE = ("/file=", "/component_server")


class Guard:
    """ASGI middleware: adds the headers, refuses bodies that no request needs, and uploads, which none needs at all."""

    def __init__(self, app: "ASGIApp") -> None:
        self.app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"].rstrip("/")

        started = False

        async def send_guarded(message: "Message") -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                ours = _headers(path)
                theirs = [(name, value) for name, value in message["headers"] if name.lower() not in ours]
                message["headers"] = [*theirs, *ours.items()]
            await send(message)

        if path.endswith("/upload"):
            await PlainTextResponse("This app takes no files.", 403)(scope, receive, send_guarded)
        elif _announced(scope) > MAX_BODY_BYTES:
            words = f"A request has at most {MAX_BODY_BYTES:,} bytes. Shorten the report."
            await PlainTextResponse(words, 413)(scope, receive, send_guarded)
        else:
            try:
                await self.app(scope, _counted(receive), send_guarded)
            except Exception as error:  # the server would log it, with what it quotes
                if started:
                    raise
                words = f"No endpoint understands this; GET /gradio_api/info says what there is. {logged(error)}"
                await JSONResponse({"error": words}, 400)(scope, receive, send_guarded)


def web(handlers: Handlers) -> dict[str, Any]:
    """Arguments for the FastAPI application that Gradio makes."""

    async def health(_: Request) -> JSONResponse:
        return JSONResponse(handlers.health())

    return {"routes": [Route("/health", health)], "middleware": [Middleware(Guard)]}


def _headers(path: str) -> dict[bytes, bytes]:
    headers = dict(_HEADERS)
    if any(part in path for part in _PRIVATE):
        headers["cache-control"] = "private, no-store"  # a volume is for who knows its id, not for a proxy
    return {name.encode(): value.encode() for name, value in headers.items()}


def _announced(scope: "Scope") -> int:
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return max((int(value) for value in lengths if value.isdigit()), default=0)


def _counted(receive: "Receive") -> "Receive":
    """Ends a body that was not announced, or is longer than it was announced to be."""
    taken = 0

    async def counted() -> "Message":
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return message if taken <= MAX_BODY_BYTES else {"type": "http.disconnect"}

    return counted
