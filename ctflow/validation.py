"""What pydantic finds wrong in one of our files, in words a user can act on."""

from pydantic import ValidationError

_PLAIN_WORDS = {"missing": "is missing", "unexpected_keyword_argument": "is not known"}


def wrong_fields(error: ValidationError) -> str:
    """Every field that is wrong, by its dotted name: `geometry.rows is missing; seed is wrong (...)`.

    A file of a later format is said to be just that, because the fields that are new in it are not mistakes.
    """
    found = error.errors()
    for one in found:
        if one["loc"] == ("format",) and type(one.get("input")) is int:
            return f"format is wrong: it is {one['input']}, perhaps of a later CTFlow. Update this one"
    return "; ".join(
        f"{'.'.join(map(str, one['loc'])) or 'the file'} {_PLAIN_WORDS.get(one['type']) or _quoted(one['msg'])}"
        for one in found
    )


def _quoted(message: str) -> str:
    return f"is wrong ({message.removeprefix('Value error, ')})"
