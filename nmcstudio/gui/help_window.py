"""The manual beside the window: pages of `resources/manual`, and the page of keys."""

from __future__ import annotations

from PySide6.QtCore import Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QImage, QTextDocument
from PySide6.QtWidgets import QTextBrowser, QVBoxLayout, QWidget

from nmcstudio.core.resources import resource
from nmcstudio.core.version import VERSION
from nmcstudio.gui.actions import ENTRIES, OTHER_KEYS
from nmcstudio.pipeline.manual import page


def keys_page() -> str:
    """Markdown of the page of keys."""
    lines = ["# Keys", "", "| Keys | What they do |", "|---|---|"]
    lines += [f"| {' or '.join(entry.keys)} | {entry.tip} |" for entry in ENTRIES if entry.keys]
    lines += [f"| {keys.replace('|', '')} | {what} |" for keys, what in OTHER_KEYS]
    return "\n".join(lines)


def about_page() -> str:
    """Markdown of the page about the program."""
    return (
        f"# nmcstudio {VERSION}\n\nFrom CT and EBSD images to simulation-ready virtual cathode particles.\n\n"
        "Free software under the GNU General Public License, version 3 or later."
    )


class _Pages(QTextBrowser):
    """Shows pictures no wider than the text."""

    def loadResource(self, kind: int, url: QUrl) -> object:
        found = super().loadResource(kind, url)
        if kind == QTextDocument.ResourceType.ImageResource.value and not isinstance(found, QImage):
            found = QImage(str(resource("manual") / url.path().rsplit("manual/", 1)[-1]))
        width = self.viewport().width() - 2 * int(self.document().documentMargin()) - 8
        if isinstance(found, QImage) and found.width() > width > 0:
            return found.scaledToWidth(width, Qt.TransformationMode.SmoothTransformation)
        return found


class HelpWindow(QWidget):
    """One window for all pages; links between pages work, others open in the browser."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.resize(760, 800)
        self.browser = _Pages()
        self.browser.setOpenLinks(False)
        self.browser.anchorClicked.connect(self._follow)
        self.browser.document().setDocumentMargin(24)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.browser)

    def show_page(self, name: str) -> None:
        """Show the page of a step, "index", "keys" or "about"."""
        made = {"keys": keys_page, "about": about_page}
        self._show(made[name]() if name in made else page(name), name)

    def _show(self, markdown: str, name: str) -> None:
        self.setWindowTitle(f"nmcstudio manual: {name.replace('-', ' ')}")
        self.browser.document().setBaseUrl(QUrl.fromLocalFile(str(resource("manual")) + "/"))
        self.browser.setMarkdown(markdown)
        self.show()
        self.raise_()

    @Slot(QUrl)
    def _follow(self, url: QUrl) -> None:
        name = url.path().rsplit("/", 1)[-1].removesuffix(".md")
        if url.scheme() in ("http", "https"):
            QDesktopServices.openUrl(url)
        elif name and (resource("manual") / f"{name}.md").exists():
            self.show_page(name)
