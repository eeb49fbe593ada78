"""What nobody should send, for hypothesis to send."""

from typing import Any

from hypothesis import strategies as st

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([-1, 0, 1e400, "", "\x00", "\ud800", "NaN", "euler", "F", 2**64])
)
# Anything that JSON can say.
junk: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=8
)


def spoil(values: dict[str, Any], data: st.DataObject) -> None:
    """Puts junk in one place of a nested dict."""
    name = data.draw(st.sampled_from(sorted(values)))
    if isinstance(values[name], dict) and data.draw(st.booleans()):
        spoil(values[name], data)
    else:
        values[name] = data.draw(junk)
