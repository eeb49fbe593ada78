"""Gradio's Blocks, but silent about what people write."""

from typing import Any

import gradio as gr

from app.messages import logged, worded
from ctflow.errors import CTFlowError, RequestError


class Blocks(gr.Blocks):
    """Gradio prints the trace of an error, and many of its errors quote what they were given: a report, perhaps."""

    async def process_api(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Every event comes through here, at each of its steps."""
        try:
            return await super().process_api(*arguments, **options)
        except gr.Error as error:
            error.print_exception = False
            raise
        except CTFlowError as error:
            raise gr.Error(worded(error), print_exception=False) from None
        except Exception as error:  # for the log only its kind and place, see `logged`
            raise gr.Error(logged(error), print_exception=False) from None

    def validate_inputs(self, block_fn: Any, inputs: list[Any]) -> None:
        """Raises RequestError where a program gives too few values."""
        if len(inputs) < len(block_fn.inputs):
            raise RequestError(
                f"/{block_fn.name} takes {len(block_fn.inputs)} values in their order; got {len(inputs)}. "
                "/gradio_api/call/v2 takes them by name, and only those that are wanted."
            )
