"""Gradio's Blocks, which never print what people have written."""

from typing import Any

import gradio as gr

from app.messages import error_text, log_bug
from ctflow.errors import CTFlowError, RequestError


class Blocks(gr.Blocks):
    """Gradio prints the traces of errors, and many of its errors quote what they were given, which may be a report."""

    async def process_api(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Every event passes through here, at each of its steps."""
        try:
            return await super().process_api(*arguments, **options)
        except gr.Error as error:
            error.print_exception = False
            raise
        except CTFlowError as error:
            raise gr.Error(error_text(error), print_exception=False) from None
        except Exception as error:  # the log gets its type and place, and not its text
            raise gr.Error(log_bug(error), print_exception=False) from None

    def validate_inputs(self, block_fn: Any, inputs: list[Any]) -> None:
        """Raises RequestError if a program gives too few values."""
        if len(inputs) < len(block_fn.inputs):
            raise RequestError(
                f"/{block_fn.name} takes {len(block_fn.inputs)} values in a fixed order; got {len(inputs)}. "
                f"To give only some of them, by name, call /gradio_api/call/v2/{block_fn.name}."
            )
