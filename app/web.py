"""The headers of every answer, what the server refuses to take in, the page's questions, its scripts, and `/health`."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from app.asking import Asking
from app.chart_script import PLOTLY_PATH, plotly_script
from app.example import Example
from app.handlers import Handlers
from app.messages import log_bug
from app.modules import Modules
from app.numbers import Numbers
from app.opening import Opening

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 1_000_000  # two texts of the longest kind, in the widest letters, twice over
MAX_UPLOAD_BYTES = 1_000_100_000  # a scan as a program sends it, with what says that it is a file
MAX_PIECE_BYTES = 4 << 20  # of a scan, at a time (viewer/data/sending.js)
UPLOAD_IDLE_S = 30  # programs send one after the other, so nobody may hold the place without sending
_HEADERS = {
    # Gradio's page runs inline scripts, and ours through `Function`. Nothing is fetched from or sent to another server.
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
_UPLOAD = "/gradio_api/upload"
_A_PIECE = re.compile(r"/sent/[\w-]+/\d+$")
FAVICON = "favicon.svg"
_FAVICON = (Path(__file__).parent / FAVICON).read_bytes()
_PRIVATE = ("/file=", "/ask/", "/sent/")
_FOR_EVER = {"cache-control": "public, max-age=31536000, immutable"}


_Answer = Callable[[Request], Awaitable[Response]]


class Guard:
    """ASGI middleware: adds the headers, refuses bodies that no request needs.

    `page_links`: the `Link` header of pages.
    """

    def __init__(self, app: "ASGIApp", page_links: str) -> None:
        self.app = app
        self.page_links = page_links

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
                is_page = dict(message["headers"]).get(b"content-type", b"").startswith(b"text/html")
                ours = _headers(path, {"link": self.page_links} if is_page else {})
                theirs = [(name, value) for name, value in message["headers"] if name.lower() not in ours]
                message["headers"] = [*theirs, *ours.items()]
            await send(message)

        if _announced(scope) > (most := _most_bytes(path)):
            words = f"A request has at most {most:,} bytes. Shorten the report."
            await PlainTextResponse(words, 413)(scope, receive, send_guarded)
        else:
            try:
                await self.app(scope, _counted(receive, most), send_guarded)
            except Exception as error:  # the server would log it, with what it quotes
                if started:
                    raise
                words = f"No endpoint accepts this request; GET /gradio_api/info lists them. {log_bug(error)}"
                await JSONResponse({"error": words}, 400)(scope, receive, send_guarded)


class CompressedPages:
    """ASGI middleware: compresses the page, its settings and our scripts, which Gradio leaves as they are.

    Gradio does it for files by their endings; voxels are compressed already, and its events come one by one.
    """

    def __init__(self, app: "ASGIApp") -> None:
        self.app = app
        self.compressed = GZipMiddleware(app)

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        is_text = scope["type"] == "http" and scope["method"] == "GET" and _is_text(scope["path"])
        await (self.compressed if is_text else self.app)(scope, receive, send)


def _is_text(path: str) -> bool:
    is_page = "/gradio_api/" not in path and "." not in path.rsplit("/", 1)[-1]
    return is_page or "/viewer/" in path


def web(
    handlers: Handlers, asking: Asking, opening: Opening, modules: Modules, example: Example | None
) -> dict[str, Any]:
    """Arguments for the FastAPI application that Gradio makes."""

    async def health(_: Request) -> JSONResponse:
        return JSONResponse(handlers.health())

    return {
        "routes": [
            Route("/health", health),
            Route("/ask/{name}", _ask(handlers, asking, opening), methods=["POST"]),
            Route("/sent/{run}/{offset:int}", _receive(opening), methods=["POST"]),
            Route(_UPLOAD, _upload(opening), methods=["POST"]),  # in the place of Gradio's, which keeps any file's name
            *_scripts_and_pictures(modules, example),
        ],
        "middleware": [Middleware(Guard, page_links=modules.links()), Middleware(CompressedPages)],
    }


def _logged_in(answer: _Answer) -> _Answer:
    """An answer for those alone whom Gradio's login has let in."""

    async def guarded(request: Request) -> Response:
        if not _let_in(request):
            return PlainTextResponse("Log in first: reload the page.", 401)
        return await answer(request)

    return guarded


def _ask(handlers: Handlers, asking: Asking, opening: Opening) -> _Answer:
    asked_by_page = _asked_by_page(handlers, asking, opening)

    async def ask(request: Request) -> Response:
        """A handler by its name. Not by way of Gradio's server functions, which take three times as long, and which
        keep 70 kB for each page that was ever loaded."""
        name = request.path_params["name"]
        handler = asked_by_page.get(name)
        if handler is None:
            return PlainTextResponse(f"Unknown request: use one of {', '.join(asked_by_page)}.", 404)
        try:
            asked = await request.json()
        except (ValueError, ClientDisconnect):
            return PlainTextResponse("The request body must be JSON.", 400)
        if name == "stop":
            return JSONResponse(handlers.stop(asked))  # here and now: a thread for it may have to wait
        waits = iscoroutinefunction(handler)
        return JSONResponse(await (handler(asked) if waits else run_in_threadpool(handler, asked)))

    return _logged_in(ask)


def _receive(opening: Opening) -> _Answer:
    async def receive(request: Request) -> Response:
        """Some bytes of a scan. They are not JSON, and come one piece after the other."""
        try:
            asked = {**request.path_params, "data": await request.body()}
        except ClientDisconnect:
            return PlainTextResponse("The rest of this piece never came.", 400)
        return JSONResponse(await run_in_threadpool(opening.receive, asked))

    return _logged_in(receive)


def _upload(opening: Opening) -> _Answer:
    one_at_a_time = asyncio.Lock()

    async def upload(request: Request) -> Response:
        """A scan that a program sends, for /scan. As Gradio's own answer, a list of one path."""
        sent = Request(request.scope, sent_without_pauses(request.receive, UPLOAD_IDLE_S))
        try:
            async with one_at_a_time, sent.form(max_files=1, max_fields=1) as form:
                file = form.get("files")
                if not isinstance(file, UploadFile):
                    return PlainTextResponse('One file was expected, in the field "files".', 400)
                asked = {"name": file.filename or "", "file": file.file}
                answer = await run_in_threadpool(opening.upload, asked)
        except ClientDisconnect:
            return PlainTextResponse("The rest of this file never came. Send it again.", 400)
        if "problem" in answer:
            return PlainTextResponse(answer["problem"], 413)
        return JSONResponse([answer["path"]])

    return _logged_in(upload)


def _scripts_and_pictures(modules: Modules, example: Example | None) -> list[Route]:
    """No login covers them: they are the same for everybody, stand in the repository, and hold no secret."""

    async def script(request: Request) -> Response:
        content = modules.script(**request.path_params)
        if content is None:
            return PlainTextResponse("There is no such script. Reload the page.", 404)
        return Response(content, media_type="text/javascript", headers=_FOR_EVER)

    def plotly(request: Request) -> Response:
        """Plotly's script; a page asks for it when it shows charts for the first time. Packing it takes a while."""
        packed = "gzip" in request.headers.get("accept-encoding", "")
        encoding = {"content-encoding": "gzip"} if packed else {}
        headers = {**_FOR_EVER, **encoding, "vary": "accept-encoding"}
        return Response(plotly_script(packed), media_type="text/javascript", headers=headers)

    async def favicon(_: Request) -> Response:
        return Response(_FAVICON, media_type="image/svg+xml")

    def voxels(data: bytes) -> Callable[[Request], Response]:
        return lambda _: Response(data, media_type="application/octet-stream", headers=_FOR_EVER)

    pictures = {example.path: example.data, example.first_path: example.first_data} if example else {}
    return [
        Route(f"/{FAVICON}", favicon),
        Route("/viewer/{version}/{path:path}", script),
        Route(f"/{PLOTLY_PATH}", plotly),
        *(Route(f"/{path}", voxels(data)) for path, data in pictures.items()),
    ]


def _asked_by_page(handlers: Handlers, asking: Asking, opening: Opening) -> dict[str, Callable[[Any], Any]]:
    """What the page asks for, by its name in the address."""
    return {
        "news": handlers.news,
        "read": handlers.read,
        "opposite": handlers.opposite,
        "start": opening.start,
        "stop": handlers.stop,
        "export": handlers.export,
        "cost": asking.cost,
        "ask": asking.ask,
        "question": asking.question,
        "found": asking.found,
        "answer": asking.answer,
        "open": opening.open,
        "choose_series": opening.choose_series,
        "settings": opening.settings,
        "numbers": Numbers(handlers).numbers,
    }


def _let_in(request: Request) -> bool:
    """As Gradio's own login check, which no other route can take (gradio/routes.py, `login_check`)."""
    app = request.app
    cookies = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
    return app.auth is None or any(request.cookies.get(cookie) in app.tokens for cookie in cookies)


def _headers(path: str, more: dict[str, str]) -> dict[bytes, bytes]:
    headers = {**_HEADERS, **more}
    if any(part in path for part in _PRIVATE):
        headers["cache-control"] = "private, no-store"  # a volume is for who knows its id, not for a proxy
    return {name.encode(): value.encode() for name, value in headers.items()}


def _announced(scope: "Scope") -> int:
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return max((int(value) for value in lengths if value.isdigit()), default=0)


def _most_bytes(path: str) -> int:
    if path.endswith(_UPLOAD):
        return MAX_UPLOAD_BYTES
    return MAX_PIECE_BYTES if _A_PIECE.search(path) else MAX_BODY_BYTES


def sent_without_pauses(receive: "Receive", idle_s: float) -> "Receive":
    """Ends a body of which nothing comes for so long, as if whoever sends it had gone."""

    async def sent() -> "Message":
        try:
            return await asyncio.wait_for(receive(), idle_s)
        except TimeoutError:
            return {"type": "http.disconnect"}

    return sent


def _counted(receive: "Receive", most: int) -> "Receive":
    """Ends a body that was not announced, or is longer than it was announced to be."""
    taken = 0

    async def counted() -> "Message":
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return message if taken <= most else {"type": "http.disconnect"}

    return counted
