"""The windows that the page is looked at in."""

from typing import Any

PHONE = {"width": 390, "height": 844, "device_scale_factor": 2, "has_touch": True, "is_mobile": True}
# At 200 % zoom a browser lays out half as many pixels, each of them twice as large.
SIZES: dict[str, dict[str, Any]] = {
    "1280x720": {"width": 1280, "height": 720},
    "1440x900": {"width": 1440, "height": 900},
    "1920x1080": {"width": 1920, "height": 1080},
    "820x1180": {"width": 820, "height": 1180},
    "390x844": PHONE,
    "200 %": {"width": 640, "height": 360, "device_scale_factor": 2},
}
WIDE = ("1280x720", "1440x900", "1920x1080", "820x1180")
NARROW = ("390x844", "200 %")
LINES = [f"Line {i}: large right pleural effusion, and no pneumothorax on the left side." for i in range(20)]
LONG_REPORT = "\n".join(LINES)
