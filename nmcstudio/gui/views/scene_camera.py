"""The camera of a 3D view, or of several that share one: what it is fitted to, its direction and its projection."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nmcstudio.gui.views.scene_parts import aim, box_of, with_margin

# Things that differ by less than this share of their radius, in size or place, are seen by the same camera: what has changed
# between them can be compared, and nothing jumps while a slider moves.
_SAME = 0.15


class Shown(Protocol):
    """A view with things in it."""

    view: Any
    camera: SceneCamera

    def box_um(self) -> NDArray[np.float64] | None: ...


class SceneCamera:
    """Keeps what is shown in the picture. A hand may turn and zoom; only things of another size or place move it again."""

    def __init__(self, scene: Shown) -> None:
        self._scenes: tuple[Shown, ...] = (scene,)
        self._fitted: NDArray[np.float64] | None = None
        self._is_given = False

    @property
    def _view(self) -> Any:
        return self._scenes[0].view

    def share(self, *others: Shown) -> None:
        """The views of other scenes have this camera too: fitting it fits what each of them shows."""
        self._scenes = (self._scenes[0], *others)
        self._fitted = None

    def forget(self) -> None:
        """Nothing is shown any more: what comes next is seen from the usual corner."""
        self._fitted = None
        self._is_given = False

    def follow(self) -> None:
        """Something else is shown: fit it, unless what was shown before had this size and place."""
        box = self._box()
        if box is None or self._view is None:
            return
        if self._is_given:
            self._is_given = False
            self._fitted = box
        elif self._fitted is None:
            self.fit()
        elif not is_alike(box, self._fitted):
            self._aim(box)

    def fit(self) -> None:
        """All of the scene, from the usual corner."""
        if self._view is None:
            return
        self._view.renderer.view_isometric(negative=False, render=False)
        box = self._box()
        if box is not None:
            self._aim(box)

    def look_along(self, name: str) -> None:
        """Look along an axis of the sample."""
        {"x": self._view.view_yz, "y": self._view.view_xz, "z": self._view.view_xy}[name](render=False)
        self._draw()

    def set_orthographic(self, orthographic: bool) -> None:
        """Parallel projection, or perspective."""
        self._view.camera.SetParallelProjection(orthographic)
        self._draw()

    def state(self) -> list[Any]:
        """What `restore` needs, as JSON."""
        camera = self._view.camera
        place = [list(camera.position), list(camera.focal_point), list(camera.up)]
        return [*place, camera.view_angle, camera.GetParallelScale()]

    def restore(self, state: list[Any]) -> None:
        """Come back to a state; it holds for what is shown now, or next."""
        camera = self._view.camera
        camera.position, camera.focal_point, camera.up = state[:3]
        camera.view_angle = state[3]
        camera.SetParallelScale(state[4])
        self._fitted = self._box()
        self._is_given = self._fitted is None
        self._draw()

    def _box(self) -> NDArray[np.float64] | None:
        boxes = (scene.box_um() for scene in self._scenes)
        return box_of(box for box in boxes if box is not None)

    def _aim(self, box: NDArray[np.float64]) -> None:
        """Move the camera along its direction until a box fits."""
        aim(self._view.camera, with_margin(box), self._view.width() / max(self._view.height(), 1))
        for scene in self._scenes:
            scene.camera._fitted = box
        self._draw()

    def _draw(self) -> None:
        for scene in self._scenes:
            if scene.view is not None:
                scene.view.renderer.ResetCameraClippingRange()
                scene.view.update()


def is_alike(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Whether two boxes ``[[x0, x1], [y0, y1], [z0, z1]]`` have nearly the same size and place."""
    radius, reference = (0.5 * float(np.linalg.norm(box[:, 1] - box[:, 0])) for box in (one, other))
    moved = float(np.linalg.norm(one.mean(axis=1) - other.mean(axis=1)))
    return abs(radius - reference) <= _SAME * reference and moved <= _SAME * reference
