"""Errors in words, for the person in front of the page, and for the log."""

import logging
import secrets

from ctflow.errors import CheckpointError, CTFlowError, ResourceError

_log = logging.getLogger(__name__)

# What goes before an error's own words. The other errors are about what the person wrote, and need nothing before.
_LEADS: dict[type[CTFlowError], str] = {
    CheckpointError: "The model cannot be used. Please tell whoever runs this page.",
    ResourceError: "The server cannot do that now.",
}


class WorkerBug(Exception):
    """A bug of ours in another process. Its text is what `error_places` said there."""


def error_text(error: CTFlowError) -> str:
    """What went wrong and what to do, in one line."""
    leads = [lead for kind, lead in _LEADS.items() if isinstance(error, kind)]
    return " ".join([*leads, str(error)])


def log_bug(error: Exception) -> str:
    """Logs a bug of ours under an id, and returns what to tell the person. What was written is never logged."""
    bug_id = secrets.token_hex(4)
    _log.error("bug %s: %s", bug_id, error if isinstance(error, WorkerBug) else error_places(error))
    return f"Something broke on our side (id {bug_id}). Please try again, and report the id."


def error_places(error: Exception) -> str:
    """An error's type and its lines of code. Its text is left out, because it may quote a report."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        places.append(f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}")
        trace = trace.tb_next
    return f"{type(error).__name__} at {' > '.join(places)}"
