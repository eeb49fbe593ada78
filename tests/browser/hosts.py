"""What can stand between a browser and the page: an application that it is part of, a proxy with a prefix."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from tests.app.server import free_port

START_S = 60
OWN_HEADERS = ("content-encoding", "content-length", "transfer-encoding", "connection")  # each connection has its own


@contextmanager
def hosting(application: ASGIApp) -> Iterator[str]:
    """Serves an application from a thread, and gives its address."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(application, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until_s = time.monotonic() + START_S
    while not server.started and time.monotonic() < until_s:
        time.sleep(0.02)
    assert server.started
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join(timeout=10)


@contextmanager
def forwarding(target: str, prefix: str) -> Iterator[str]:
    """A proxy that serves `target` below a prefix, which it takes away before it asks; gives the page's address."""
    with httpx.Client(base_url=target, timeout=60) as client:

        def forward(request: Request, body: bytes) -> Response:
            path = request.url.path.removeprefix(prefix)
            answer = client.request(
                request.method, path, params=request.url.query, content=body, headers=list(request.headers.items())
            )
            headers = {name: value for name, value in answer.headers.items() if name not in OWN_HEADERS}
            return Response(answer.content, answer.status_code, headers)

        async def answer(request: Request) -> Response:
            body = await request.body()
            return await run_in_threadpool(forward, request, body)

        methods = ["GET", "HEAD", "POST"]
        with hosting(Starlette(routes=[Route(f"{prefix}/{{path:path}}", answer, methods=methods)])) as url:
            yield f"{url}{prefix[1:]}/"
