"""The server of pages: it reads sweeps, and has no way to change anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response  # here, for FastAPI reads the annotations
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from starlette.middleware.gzip import GZipMiddleware

from ...spaces import ConvscapeError, SweepError
from .hosts import KnownHosts
from .html import list_html, page_html

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from .kept_content import Sweeps

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Headers of every answer: nobody else's page may frame or read it."""


def make_app(sweeps: Sweeps, hosts: Collection[str]) -> FastAPI:
    """The application that serves the list of sweeps, the page of some, and what is new of them.

    Only GET is answered. A request whose Host is no IP address and none of `hosts` is refused: a page from elsewhere
    could otherwise have a browser ask here under a name of its own (DNS rebinding).

    Args:
        sweeps: the sweeps to show.
        hosts: names by which the server is asked for, in lower case.
    """
    app = FastAPI(title="Convscape", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(GZipMiddleware, minimum_size=2000, compresslevel=3)
    app.add_middleware(KnownHosts, names=hosts)

    @app.middleware("http")
    async def guard(request: Request, call: Callable[[Request], Any]) -> Response:
        answer = await call(request)
        answer.headers.update(HEADERS)
        return answer

    @app.exception_handler(ConvscapeError)
    def tell(request: Request, error: ConvscapeError) -> Response:  # in a thread, for it may ask the store
        if request.url.path.startswith("/api/"):
            return JSONResponse({"problem": in_a_line(error)}, 404)
        try:
            lines, status = sweeps.lines(), 404
        except ConvscapeError:  # the store is away: the list would be asked for in vain, too
            lines, status = [], 503
        return HTMLResponse(list_html(lines, sweeps.place, problem=in_a_line(error)), status)

    # Plain functions: Starlette runs each in a thread, since reading a sweep takes a while.
    @app.get("/")
    def page(request: Request) -> Response:
        names = _names(request, sweeps)
        if names and not request.query_params.getlist("sweep"):  # its address stays that of these sweeps
            return RedirectResponse("/?" + urlencode([("sweep", name) for name in names]), 307)
        if not names:
            return HTMLResponse(list_html(sweeps.lines(), sweeps.place))
        several = len(sweeps.lines()) > 1
        return HTMLResponse(page_html(sweeps.content(names), home="?list" if several else ""))

    @app.get("/api/content")
    def content(request: Request) -> Response:
        return JSONResponse(sweeps.content(_named(request, sweeps)))

    @app.get("/api/progress")
    def progress(request: Request) -> Response:
        return JSONResponse(sweeps.progress(_named(request, sweeps)))

    return app


def in_a_line(error: ConvscapeError) -> str:
    """What is wrong and what to do, as sentences of one line."""
    what, _, remedy = str(error).partition("\n")
    return f"{what.strip().rstrip('.')}. {' '.join(remedy.split())}".strip()


def _named(request: Request, sweeps: Sweeps) -> list[str]:
    """The sweeps that an address names.

    Raises:
        SweepError: it names none, or one that is not shown.
    """
    if names := _names(request, sweeps):
        return names
    raise SweepError("which sweep is not said", "Name one: ?sweep=NAME.")


def _names(request: Request, sweeps: Sweeps) -> list[str]:
    """The sweeps that an address names; without any the only one that there is; [] for the list."""
    named = list(dict.fromkeys(request.query_params.getlist("sweep")))
    if hidden := [name for name in named if sweeps.only and name not in sweeps.only]:
        raise SweepError(
            f"sweep '{hidden[0]:.80}' is not shown here", "Start `convscape dashboard` without names for all."
        )
    if named or "list" in request.query_params:
        return named
    if sweeps.only:
        return list(sweeps.only)
    known = sweeps.lines()
    return [known[0].name] if len(known) == 1 and known[0].state != "unreadable" else []
