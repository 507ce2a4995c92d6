"""Start of the window: logging of crashes, the bug dialog, collection of garbage in the GUI thread, the event loop."""

from __future__ import annotations

import faulthandler
import gc
import logging
import os
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType
from typing import IO

import platformdirs
from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtWidgets import QApplication

from nmcstudio.core.threads import configure_threads

COLLECT_MS = 1000
# The views' libraries take a second to load: that happens in a worker while somebody reads the welcome.
WARM_UP_MS = 400


class Collector(QObject):
    """Python's garbage collection in the GUI thread only: elsewhere it might destroy Qt or VTK objects."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._collect)
        self._timer.start(COLLECT_MS)

    @Slot()
    def _collect(self) -> None:
        # The oldest generation that is due, as the automatic collector would choose it.
        counts, limits = gc.get_count(), gc.get_threshold()
        for generation in (2, 1, 0):
            if counts[generation] > max(limits[generation], 1):
                gc.collect(generation)
                return

    @Slot()
    def keep(self) -> None:
        """What has been loaded stays to the end: looking through it again and again would stop the window each time."""
        gc.collect()
        gc.freeze()

    def stop(self) -> None:
        self._timer.stop()
        gc.enable()


class BugReporter(QObject):
    """Shows exceptions that nobody expected, whichever thread they come from."""

    happened = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._dialog: QObject | None = None
        self.happened.connect(self._show)

    def install(self) -> None:
        sys.excepthook = self._hook
        threading.excepthook = lambda args: self._hook(args.exc_type, args.exc_value, args.exc_traceback)

    def _hook(self, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
            return
        text = "".join(traceback.format_exception(kind, error, trace))
        logging.getLogger("nmcstudio").error(text)
        sys.stderr.write(text)
        self.happened.emit(text)

    @Slot(str)
    def _show(self, text: str) -> None:
        from nmcstudio.gui.bug_dialog import BugDialog

        if self._dialog is None:
            self._dialog = BugDialog()
            self._dialog.finished.connect(self._closed)
        self._dialog.add(text)
        self._dialog.open()

    @Slot()
    def _closed(self) -> None:
        self._dialog = None


def log_folder() -> Path:
    """Where the log of crashes stands; NMCSTUDIO_LOG names another folder."""
    return Path(os.environ.get("NMCSTUDIO_LOG") or platformdirs.user_log_path("nmcstudio"))


def _start_logging() -> IO[str]:
    folder = log_folder()
    folder.mkdir(parents=True, exist_ok=True)
    # Kept open as long as the program runs: faulthandler writes into it when everything else is gone.
    crashes = (folder / "crashes.log").open("a", encoding="utf-8")
    faulthandler.enable(crashes)
    handler = logging.FileHandler(folder / "nmcstudio.log", encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.getLogger("nmcstudio").addHandler(handler)
    return crashes


def main(argv: list[str] | None = None) -> int:
    """Open the window, with a project if one is named, and return the exit code when it is closed."""
    arguments = sys.argv[1:] if argv is None else argv
    configure_threads()
    crashes = _start_logging()
    application = QApplication.instance() or QApplication(["nmcstudio"])
    application.setApplicationName("nmcstudio")
    application.setDesktopFileName("nmcstudio")
    from nmcstudio.gui.main_window import MainWindow
    from nmcstudio.gui.settings import settings
    from nmcstudio.gui.views.opengl import prepare_for_opengl

    collector = Collector()
    reporter = BugReporter()
    reporter.install()
    window = MainWindow()
    prepare_for_opengl(window)
    window.middle.loaded.connect(collector.keep)
    window.controller.set_theme(str(settings().value("theme", "system")))
    geometry = settings().value("geometry")
    if geometry is not None:
        window.restoreGeometry(geometry)
    window.show()
    if arguments:
        # In this order: a first view that had to load its libraries itself would hold up the window.
        QTimer.singleShot(0, window.warm_up)
        QTimer.singleShot(0, lambda: window.documents.open(arguments[0]))
    else:
        QTimer.singleShot(WARM_UP_MS, window.warm_up)
    QTimer.singleShot(0, window.documents.offer_recovery)
    code = application.exec()
    collector.stop()
    faulthandler.disable()
    crashes.close()
    return code


if __name__ == "__main__":
    sys.exit(main())
