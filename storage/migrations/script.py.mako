<%!
    from storage.triggers import STATEMENTS
%>"""${message}."""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
% if down_revision is None:

TRIGGERS = {
% for name, statements in STATEMENTS.items():
    ${repr(name)}: (
% for statement in statements:
        """${statement}""",
% endfor
    ),
% endfor
}
% endif


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
% if down_revision is None:
    for statement in TRIGGERS[op.get_bind().dialect.name]:
        op.execute(statement)
% endif
