"""Everything a worker can be asked, by name: the public methods of these classes are the verbs."""
