"""The wiring: the only package that knows every app. Importing it loads no setting."""
