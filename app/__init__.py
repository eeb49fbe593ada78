"""The app: Gradio, and nothing of torch. It talks to a generator through `ctflow.generator` alone."""
