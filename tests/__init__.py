"""A package, because a dependency of neonize installs a package of the same name that would win otherwise."""
