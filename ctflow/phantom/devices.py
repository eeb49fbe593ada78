"""Medical material: ports, pacemakers, catheters, drains, wires and tubes, all of them very dense."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ctflow.phantom.build import Build
from ctflow.phantom.finding_mask import FindingMask
from ctflow.phantom.grid import MAX_HU, Canvas, Field, Grid, Point, Tube, cone, coverage, segment_box
from ctflow.phantom.mediastinum import Mediastinum
from ctflow.phantom.torso import Torso
from ctflow.phantom.truth import Truth

CATHETER_HU, DRAIN_HU, TUBE_HU = 900.0, 700.0, 450.0


def paint_devices(
    canvas: Canvas, torso: Torso, coarse: Grid, m: Mediastinum, b: Build, truth: Truth, mask: FindingMask
) -> None:
    """Paint each device over what is there."""
    painters: dict[str, Callable[[_Device], None]] = {
        "port": _port,
        "pacemaker": _pacemaker,
        "central venous catheter": _catheter,
        "chest tube": _chest_tube,
        "sternal wires": _wires,
        "tracheal tube": _tracheal_tube,
    }
    for index, finding in enumerate(truth.findings):
        if finding.kind == "Medical material":
            painters[finding.variant](_Device(canvas, torso, coarse, m, b, mask, index))


class _Device:
    """One device while it is painted: the person that it is put into, and how its parts are drawn."""

    def __init__(
        self, canvas: Canvas, torso: Torso, coarse: Grid, m: Mediastinum, b: Build, mask: FindingMask, index: int
    ) -> None:
        self.canvas, self.torso, self.coarse, self.m, self.b = canvas, torso, coarse, m, b
        self.mask, self.index = mask, index

    def skin(self, z: float, x: float) -> float:
        """y of the skin in front at (z, x)."""
        box = self.coarse.box((z - 2, -1e3, x - 2), (z + 2, 1e3, x + 2))
        inside = np.flatnonzero(self.torso.body[box].mean((0, 2)) < 0)
        return float(self.coarse.y.ravel()[inside[0]]) if inside.size else -80.0

    def line(self, points: tuple[Point, ...], radius: float, hu: float, lumen: float | None = None) -> None:
        """A wire, or a tube with air (or fluid) of ``lumen`` HU inside."""
        for p, q, r, _ in Tube(points, (radius,) * len(points)).segments():
            box = self.canvas.grid.box(*segment_box(p, q, r + 1.5))
            distance = cone(self.canvas.grid.crop(box), p, q, r, r)
            self.put(coverage(distance), hu, box)
            if lumen is not None:
                self.canvas.coat(coverage(distance + 1.5), lumen, box)

    def put(self, alpha: Field, hu: float, box: tuple[slice, slice, slice]) -> None:
        self.canvas.coat(alpha, hu, box)
        self.mask.add(self.index, alpha, box)

    def can(self, centre: Point, half: Point, round_by: float) -> None:
        """A rounded metal case of half sizes (z, y, x)."""
        box = self.canvas.grid.box(*segment_box(centre, centre, max(half) + 3))
        g = self.canvas.grid.crop(box)
        d = [np.abs(a - c) - h + round_by for a, c, h in zip((g.z, g.y, g.x), centre, half, strict=True)]
        outside = np.sqrt(sum(np.maximum(v, 0) ** 2 for v in d))
        distance = outside + np.minimum(np.maximum(np.maximum(d[0], d[1]), d[2]), 0) - round_by
        self.put(coverage(distance.astype(np.float32)), MAX_HU, box)

    def vein(self, side: float) -> tuple[Point, ...]:
        """The subclavian vein of a side, -1 right or 1 left, to the cava."""
        return self.m.subclavian_veins[side].points


def _port(device: _Device) -> None:
    z, x = 0.17 * device.b.length, -72.0
    y = device.skin(z, x) + 9.0
    device.can((z, y, x), (11.0, 6.0, 11.0), 4.0)
    device.line(
        ((z, y, x), (4.0, y + 20.0, -62.0), *device.vein(-1.0), *device.m.superior_cava.points[:2]), 1.4, CATHETER_HU
    )


def _pacemaker(device: _Device) -> None:
    z, x = 0.16 * device.b.length, 76.0
    y = device.skin(z, x) + 9.0
    device.can((z, y, x), (22.0, 5.0, 24.0), 4.0)
    right_ventricle = device.m.chambers[1].center
    apex = (right_ventricle[0] + 18.0, right_ventricle[1] - 4.0, right_ventricle[2] + 22.0)
    course = ((z - 14.0, y, x - 8.0), (2.0, y + 18.0, 62.0), *device.vein(1.0), *device.m.superior_cava.points)
    device.line((*course, right_ventricle, apex), 1.3, MAX_HU)


def _catheter(device: _Device) -> None:
    first = device.vein(-1.0)
    device.line((first[0], first[1], *device.m.superior_cava.points[:2]), 1.6, CATHETER_HU)


def _chest_tube(device: _Device) -> None:
    """From the fifth intercostal space in the flank along the back of the lung to the apex."""
    b = device.b
    side, z = -1.0, b.carina_z + 45.0
    w, back = b.cage_half_width, b.spine_y + 14.0
    points = (
        (z + 14, b.spine_y - 55.0, side * (w + 44)),
        (z, b.spine_y - 48.0, side * (w - 6)),
        (z - 25, b.spine_y - 15.0, side * (w - 18)),
        (b.carina_z - 20, back - 4.0, side * 0.72 * w),
        (b.apex_z + 34, back - 22.0, side * 0.48 * w),
    )
    device.line(points, 4.0, DRAIN_HU, lumen=-800.0)


def _wires(device: _Device) -> None:
    """Five closed loops around the sternum, as after bypass surgery."""
    b = device.b
    for z in np.linspace(0.17, 0.55, 5) * b.length:
        box = device.coarse.box((z - 2, -1e3, -4), (z + 2, 1e3, 4))
        inside = np.flatnonzero(device.torso.cage[box].mean((0, 2)) < 0)
        y = float(device.coarse.y.ravel()[inside[0]]) - 6.5 if inside.size else -80.0
        ring = [(float(z), y + 7.5 * np.sin(a), 9.0 * np.cos(a)) for a in np.linspace(0, 2 * np.pi, 9)]
        device.line(tuple((a, float(c), float(d)) for a, c, d in ring), 0.9, MAX_HU)


def _tracheal_tube(device: _Device) -> None:
    trachea = device.m.airways[0].points
    z, y, x = (float(v) for v in np.asarray(trachea[0]) + 0.62 * np.subtract(trachea[1], trachea[0]))
    device.line((trachea[0], (z, y, x)), 5.6, TUBE_HU, lumen=-990.0)
    device.line(device.m.oesophagus.points, 2.4, TUBE_HU)
