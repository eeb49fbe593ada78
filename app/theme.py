"""The page's colours and fonts, as Gradio wants them. `style.css` has the rest."""

import gradio as gr

_INK, _DIM = "#e8edf2", "#a3b0bf"
_GROUND, _PANEL, _FIELD, _LINE = "#0b0e12", "#12171d", "#1a2129", "#28303a"
_COLOURS = {
    "body_background_fill": _GROUND,
    "body_text_color": _INK,
    "background_fill_primary": _GROUND,
    "background_fill_secondary": _PANEL,
    "block_background_fill": _PANEL,
    "block_label_text_color": _INK,
    "block_title_text_color": _INK,
    "border_color_primary": _LINE,
    "block_border_color": _LINE,
    "input_background_fill": _FIELD,
    "input_placeholder_color": _DIM,
    "button_primary_background_fill": "#0369a1",
    "button_primary_background_fill_hover": "#075985",
    "button_primary_text_color": "#ffffff",
    "button_secondary_background_fill": _FIELD,
    "button_secondary_background_fill_hover": _LINE,
    "button_secondary_text_color": _INK,
    "button_cancel_background_fill": "#5a2323",
    "button_cancel_background_fill_hover": "#743030",
    "button_cancel_text_color": _INK,
}


def theme() -> gr.themes.Base:
    """Dark, in the system's own fonts, because Gradio's would be fetched from elsewhere."""
    base = gr.themes.Base(
        primary_hue="sky", neutral_hue="gray", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
    )
    return base.set(**_COLOURS, **{f"{name}_dark": colour for name, colour in _COLOURS.items()})
