"""The running program: app, config, command line, errors, loops."""

__version__ = "0.7.6"
