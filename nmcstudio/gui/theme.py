"""Light and dark: one set of named colours each, the palette and the few style rules made from them."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QToolTip

CHOICES = ("system", "light", "dark")
# Controls that Fusion draws an outline around.
_OUTLINED = (
    "QCheckBox",
    "QRadioButton",
    "QLineEdit",
    "QAbstractSpinBox",
    "QComboBox",
    "QPushButton",
    "QSlider",
    "QProgressBar",
    "QAbstractItemView",
)


@dataclass(frozen=True)
class Theme:
    """Named colours as ``#rrggbb``.

    Attributes
    ----------
    window, base, text, muted, border, outline
        Grounds and lines of the window; `muted` is for text of the second rank, `outline` goes around controls.
    accent, accent_text
        The one accent colour, and text on it.
    data, fitted, model, theory
        Roles in every plot of the program (`nmcstudio.core.comparison.Curve.role`); safe for the colour-blind.
    ready, stale, failed, running
        States of nodes, always beside a shape and a word.
    warning_ground, error_ground, note_ground
        Grounds of the bars.
    viewport, viewport_text
        Ground and lettering of slices and 3D.
    """

    dark: bool
    window: str
    base: str
    text: str
    muted: str
    border: str
    outline: str
    accent: str
    accent_text: str
    data: str
    fitted: str
    model: str
    theory: str
    ready: str
    stale: str
    failed: str
    running: str
    warning_ground: str
    error_ground: str
    note_ground: str
    viewport: str
    viewport_text: str

    def role(self, role: str) -> str:
        """Colour of a curve or sample: "data", "fitted", "model" or "theory"."""
        return {"data": self.data, "fitted": self.fitted, "model": self.model, "theory": self.theory}[role]


LIGHT = Theme(
    dark=False, window="#f4f5f6", base="#ffffff", text="#1c2126", muted="#5d6771", border="#ccd1d6", outline="#858e97",
    accent="#1769aa", accent_text="#ffffff", data="#0072b2", fitted="#009e73", model="#d55e00", theory="#5d6771",
    ready="#1b7f5a", stale="#8f5a00", failed="#b3261e", running="#1769aa",
    warning_ground="#fff3cd", error_ground="#fbe1df", note_ground="#e2eefa", viewport="#ffffff", viewport_text="#1c2126",
)  # fmt: skip

DARK = Theme(
    dark=True, window="#22262b", base="#1a1d21", text="#e6e9ec", muted="#9aa5b0", border="#424951", outline="#727c86",
    accent="#5aa9e6", accent_text="#10151a", data="#56b4e9", fitted="#3fbf95", model="#f0803c", theory="#aab4be",
    ready="#57c79a", stale="#e0a33e", failed="#f2867e", running="#5aa9e6",
    warning_ground="#4a3d16", error_ground="#4f2725", note_ground="#20384f", viewport="#15181b", viewport_text="#e6e9ec",
)  # fmt: skip


def theme_for(choice: str) -> Theme:
    """The theme of a preference: "light", "dark" or "system"."""
    if choice == "system":
        hints = QGuiApplication.styleHints()
        return DARK if hints is not None and hints.colorScheme() == Qt.ColorScheme.Dark else LIGHT
    return DARK if choice == "dark" else LIGHT


def apply(theme: Theme) -> None:
    """Give the running application the theme's palette. Windows take `style_sheet` themselves.

    A style sheet of the whole application would be worked out anew for every widget, shown or not: seconds in a window
    with all its panels.
    """
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        return
    # Fusion is the one style that follows a palette completely on all three systems.
    if application.style().name() != "fusion":
        application.setStyle("Fusion")
    palette = palette_of(theme)
    application.setPalette(palette)
    QToolTip.setPalette(palette)
    # Fusion draws the outline of a control as a darker window, which on a dark ground nobody sees: for controls alone the
    # window is so light that what it makes of it stands out.
    palette.setColor(QPalette.ColorRole.Window, QColor(theme.outline).lighter(140))
    for name in _OUTLINED:
        application.setPalette(palette, name)


def palette_of(theme: Theme) -> QPalette:
    """A Qt palette with the theme's colours."""
    palette = QPalette()
    role = QPalette.ColorRole
    alternate = QColor(theme.base).lighter(118) if theme.dark else QColor(theme.window)
    colours = {
        role.Window: theme.window, role.WindowText: theme.text, role.Base: theme.base, role.AlternateBase: alternate,
        role.Text: theme.text, role.Button: theme.window, role.ButtonText: theme.text, role.BrightText: theme.failed,
        role.Highlight: theme.accent, role.HighlightedText: theme.accent_text, role.ToolTipBase: theme.base,
        role.ToolTipText: theme.text, role.PlaceholderText: theme.muted, role.Link: theme.accent,
        role.LinkVisited: theme.accent, role.Mid: theme.border, role.Accent: theme.accent,
    }  # fmt: skip
    for which, colour in colours.items():
        palette.setColor(which, QColor(colour))
    for which in (role.WindowText, role.Text, role.ButtonText):
        faded = QColor(theme.muted)
        faded.setAlphaF(0.7)
        palette.setColor(QPalette.ColorGroup.Disabled, which, faded)
    palette.setColor(QPalette.ColorGroup.Disabled, role.Highlight, QColor(theme.border))
    return palette


def style_sheet(theme: Theme) -> str:
    """The few rules that a palette cannot say; named widgets only, so that the platform keeps the rest."""
    return f"""
    QMainWindow::separator {{ background: {theme.border}; width: 1px; height: 1px; margin: 1px; }}
    QLabel#muted, QLabel#unit {{ color: {theme.muted}; }}
    QLabel#fieldError {{ color: {theme.failed}; }}
    QFrame#warningBar {{ background: {theme.warning_ground}; border: none; border-radius: 4px; }}
    QFrame#errorBar {{ background: {theme.error_ground}; border: none; border-radius: 4px; }}
    QFrame#noteBar {{ background: {theme.note_ground}; border: none; border-radius: 4px; }}
    QFrame#card {{ background: {theme.base}; border: 1px solid {theme.border}; border-radius: 8px; }}
    QFrame#card:hover {{ border: 1px solid {theme.accent}; }}
    QFrame#dropZone {{ border: 2px dashed {theme.border}; border-radius: 8px; }}
    QFrame#dropZone[over="true"] {{ border: 2px dashed {theme.accent}; }}
    QPushButton#primary {{
        background: {theme.accent}; color: {theme.accent_text}; border: none; border-radius: 4px;
        padding: 6px 16px; font-weight: 600;
    }}
    QPushButton#primary:disabled {{ background: {theme.border}; color: {theme.muted}; }}
    QPushButton#primary:hover:enabled {{ background: {QColor(theme.accent).lighter(112).name()}; }}
    QPushButton#primary:focus {{ outline: none; border: 2px solid {theme.text}; padding: 4px 14px; }}
    QToolButton#choice {{ border: 1px solid {theme.border}; border-radius: 4px; padding: 3px 8px; background: {theme.base}; }}
    QToolButton#choice:hover {{ border: 1px solid {theme.accent}; }}
    QToolButton#choice:checked {{ background: {theme.accent}; color: {theme.accent_text}; border: 1px solid {theme.accent}; }}
    QToolButton#choice:focus {{ border: 1px solid {theme.text}; }}
    QScrollArea#plain {{ border: none; background: transparent; }}
    """
