"""Errors, worded for the person in front of the page."""

import logging
import secrets

from ctflow.errors import CheckpointError, CTFlowError, RequestError, ResourceError, VolumeError

_log = logging.getLogger(__name__)

_LEADS: dict[type[CTFlowError], str] = {
    RequestError: "This cannot be generated as it stands.",
    CheckpointError: "The model cannot be used.",
    VolumeError: "No usable volume came out. Another seed often helps.",
    ResourceError: "This computer lacks something that is needed.",
}


def worded(error: CTFlowError) -> str:
    """What went wrong and what to do, in one line."""
    lead = next((lead for kind, lead in _LEADS.items() if isinstance(error, kind)), "This did not work.")
    return f"{lead} {error}"


def logged(error: Exception) -> str:
    """Logs a bug of ours under an id, and words it. The log gets where it broke, never what was written.

    The error's own text may quote a report, so only its type and the lines of code go into the log.
    """
    bug = secrets.token_hex(4)
    places = []
    trace = error.__traceback__
    while trace is not None:
        places.append(f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}")
        trace = trace.tb_next
    _log.error("bug %s: %s at %s", bug, type(error).__name__, " > ".join(places))
    return f"Something broke on our side (id {bug}). What was made so far is kept. Please try again, and report the id."
