"""A page of the book in a browser, and what it did that it should not."""

from typing import Any


class Visit:
    """A page in the browser, with everything it complained about or asked from outside."""

    def __init__(self, context: Any, site: str) -> None:
        self.page = context.new_page()
        self.page.set_default_timeout(60_000)
        self.complaints: list[str] = []
        self.outside: list[str] = []
        self._site = site
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", lambda request: self.complaints.append(request.url))
        self.page.on("request", lambda request: self._look(request.url))

    def _note(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _look(self, address: str) -> None:
        if not address.startswith((self._site, "data:", "blob:")):
            self.outside.append(address)

    def go(self, name: str) -> Any:
        """Open a page and wait until its own script has run."""
        self.page.goto(self._site + name)
        self.page.wait_for_function("document.documentElement.dataset.ibbook === 'ready'")
        return self.page
