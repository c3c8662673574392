"""How fast, how big and how soon: the real server measured on one core, from another."""
