"""How fast the page is in headless Chromium, with software rendering: see `__main__`."""
