"""The app: Gradio, but no torch. It knows a model only as the protocol in `ctflow.generator`."""
