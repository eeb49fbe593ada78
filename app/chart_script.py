"""Plotly's own script, out of the installed package: no other server is asked for it."""

import gzip
from functools import cache
from importlib import metadata, resources

# Another version has another path, so a browser may keep it for ever.
PLOTLY_PATH = f"plotly/{metadata.version('plotly')}.js"


@cache
def plotly_script(packed: bool) -> bytes:
    """The script, about 5 MB; `packed` with gzip, which makes it a third."""
    script = resources.files("plotly").joinpath("package_data/plotly.min.js").read_bytes()
    return gzip.compress(script, 6, mtime=0) if packed else script
