"""For every test: no socket but to this machine, and no AWS settings but fake ones."""

from local.environment import leave_aws_behind

# Sockets are closed by pytest-socket (--allow-hosts in pyproject.toml).
leave_aws_behind()
