"""Errors, worded for the person in front of the page."""

import logging
import secrets

from ctflow.errors import CheckpointError, CTFlowError, ResourceError

_log = logging.getLogger(__name__)

# The other errors speak of what the person wrote, and say themselves what to do.
_LEADS: dict[type[CTFlowError], str] = {
    CheckpointError: "The model cannot be used; that is for whoever runs this page to mend.",
    ResourceError: "The server cannot do that now.",
}


def worded(error: CTFlowError) -> str:
    """What went wrong and what to do, in one line."""
    leads = [lead for kind, lead in _LEADS.items() if isinstance(error, kind)]
    return " ".join([*leads, str(error)])


class BugElsewhere(Exception):
    """A bug of ours in another process; its text is what `where` said there."""


def logged(error: Exception) -> str:
    """Logs a bug of ours under an id, and words it. The log gets where it broke, never what was written."""
    bug = secrets.token_hex(4)
    _log.error("bug %s: %s", bug, error if isinstance(error, BugElsewhere) else where(error))
    return f"Something broke on our side (id {bug}). Please try again, and report the id."


def where(error: Exception) -> str:
    """The type of an error and the lines of code. Its own text may quote a report, and is left out."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        places.append(f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}")
        trace = trace.tb_next
    return f"{type(error).__name__} at {' > '.join(places)}"
