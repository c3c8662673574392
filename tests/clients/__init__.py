"""The generated clients, compiled and driven; `python3 -m tools.check clients` runs them where their tools are."""
