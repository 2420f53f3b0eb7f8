"""Somebody who looks at the page."""

import uuid

from playwright.sync_api import Locator, Page, expect

PASSWORD = "correct horse battery 9"


class Visitor:
    """A browser tab and what its owner does with it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", self._alarmed)

    def _heard(self, message: object) -> None:
        if message.type in ("error", "warning"):  # type: ignore[attr-defined]
            self.complaints.append(message.text)  # type: ignore[attr-defined]

    def _alarmed(self, dialog: object) -> None:
        self.complaints.append(f"dialog: {dialog.message}")  # type: ignore[attr-defined]
        dialog.dismiss()  # type: ignore[attr-defined]

    def register(self) -> None:
        self.page.goto("/accounts/register/")
        self.page.get_by_label("E-mail address").fill(f"v{uuid.uuid4().hex[:12]}@example.org")
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Register").click()
        expect(self.page).to_have_title("New chat – Parley")
        self.page.wait_for_load_state()  # before its script runs, Enter breaks the line

    def connected(self) -> None:
        expect(self.page.locator("#connection")).to_have_attribute("data-state", "on")

    def write(self, text: str) -> None:
        """Send a message; do not wait for the reply."""
        self.page.locator("#message").fill(text)
        self.page.locator("#message").press("Enter")

    def say(self, text: str) -> None:
        """Send a message and wait until the reply is complete."""
        before = self.replies.count()
        self.write(text)
        expect(self.replies).to_have_count(before + 1)
        self.done()

    def done(self) -> None:
        expect(self.page.locator("#state")).to_have_attribute("data-busy", "no")
        expect(self.page.locator(".writing")).to_have_count(0)

    @property
    def replies(self) -> Locator:
        return self.page.locator("article.reply")

    @property
    def questions(self) -> Locator:
        return self.page.locator("article.question .bubble")

    @property
    def last(self) -> Locator:
        """The text of the last reply."""
        return self.replies.last.locator(".markdown")
