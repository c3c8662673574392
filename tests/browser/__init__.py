"""The documentation in a real browser; `python3 -m tools.check browser` runs it where there is one."""
