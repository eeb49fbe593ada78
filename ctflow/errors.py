"""What can go wrong, in words a user can act on: what was given, what was expected, what to do."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class CTFlowError(Exception):
    """The parent of every error that is the input's or the machine's, not a bug of ours."""


class RequestError(CTFlowError):
    """A request that cannot be carried out as it stands."""


class CheckpointError(CTFlowError):
    """A checkpoint folder that is missing, incomplete or contradicts itself."""


class VolumeError(CTFlowError):
    """A volume that cannot be made, read or written."""


class ShortVolumeError(VolumeError):
    """A volume that ended before there was enough of it."""


class ResourceError(CTFlowError):
    """Something that this machine does not have: a GPU, memory, a package."""


_WORDS = {"missing": "is missing", "unexpected_keyword_argument": "is not known"}


def faults(error: "ValidationError") -> str:
    """Every field of a file that pydantic refused, by its dotted name: `geometry.rows is missing; seed is ...`.

    A file of a later format is only that: what else is new in it is no fault.
    """
    found = error.errors()
    for fault in found:
        if fault["loc"] == ("format",) and type(fault.get("input")) is int:
            return f"format is wrong: it is {fault['input']}, and may be of a later CTFlow. Update this one"
    return "; ".join(
        f"{'.'.join(map(str, fault['loc'])) or 'the file'} {_WORDS.get(fault['type']) or _quoted(fault['msg'])}"
        for fault in found
    )


def _quoted(message: str) -> str:
    return f"is wrong ({message.removeprefix('Value error, ')})"
