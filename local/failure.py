"""What stops a local run, in one line with its remedy."""


class Failure(Exception):
    """Printed as it is, without a traceback: the message names the cause and what to do."""
