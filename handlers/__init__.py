"""What each operation does: one module per tag, one plain function per operation.

A function's arguments are the operation's parameters, named as in the document, `body` for the JSON body, and what it
asks of the house by name: `db`, `engines`, `now` (epoch milliseconds), `caller`, `settings`. It makes one storage or
engine call and returns the answer, or `(answer, status)`; what goes wrong is raised.
"""
