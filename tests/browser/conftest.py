"""A real Chromium against a real service: pages are watched, and whatever they should not do fails their test."""

import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from playwright.sync_api import Browser, ConsoleMessage, Page

from gismap.api.app import create_app
from gismap.settings import Settings
from gismap.store.server import DatabaseUrls

DESK = {"width": 1366, "height": 768}

Visit = Callable[..., Page]


@contextmanager
def served(urls: DatabaseUrls, **settings: Any) -> Iterator[str]:
    """The address of the service on a database, answering."""
    app = create_app(Settings(database_url=urls.service_url, **settings))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    urllib.request.urlopen(f"{address}/health", timeout=30).close()  # the socket takes connections until it answers
    yield address
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="session")
def county_url(furnished: DatabaseUrls) -> Iterator[str]:
    """The service on the furnished small county."""
    with served(furnished) as address:
        yield address


@pytest.fixture(scope="session")
def luodian_url(luodian: DatabaseUrls) -> Iterator[str]:
    """The service on the Luodian demo."""
    with served(luodian) as address:
        yield address


class Watch:
    """What a page did that it must not do: leave its own host, fail a request, complain, or break its policy."""

    def __init__(self, page: Page, address: str, *, refused: str) -> None:
        self.faults: list[str] = []
        self._refused = refused
        self._host = urlsplit(address).netloc
        page.on("request", lambda request: self._left(request.url))
        page.on("requestfailed", lambda request: self.faults.append(f"failed: {request.url} {request.failure}"))
        page.on("response", lambda response: self._failed(response.status, response.url))
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("console", self._complained)

    def _left(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob", "file"} and parts.netloc != self._host:
            self.faults.append(f"left its host: {url}")

    def _failed(self, status: int, url: str) -> None:
        if status >= 400 and not self._may_be_refused(url):
            self.faults.append(f"{status}: {url}")

    def _complained(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not self._may_be_refused(message.location["url"]):
            self.faults.append(f"console {message.type}: {message.text}")

    def _may_be_refused(self, url: str) -> bool:
        return self._refused != "" and urlsplit(url).path.startswith(self._refused)


@pytest.fixture()
def visit(browser: Browser) -> Iterator[Visit]:
    """Opens a map page and waits until it is drawn; at the end of the test no page may have done anything wrong.

    Requests to paths that begin with `refused` may be refused by the server.
    """
    watches: list[Watch] = []
    contexts = []

    def visit(
        address: str,
        *,
        size: dict[str, int] = DESK,
        language: str = "zh-CN",
        ready: str = "body.ready",
        refused: str = "",
    ) -> Page:
        context = browser.new_context(viewport=size, locale=language)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        watches.append(Watch(page, address, refused=refused))
        page.goto(address)
        page.wait_for_selector(ready)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert [fault for watch in watches for fault in watch.faults] == []
