"""HTTP entry points of the API, a module a subject: parse, call one service or selector, render."""
