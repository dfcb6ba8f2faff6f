"""Errors named by what to do about them: try again later, or have somebody change something."""


class TributaryError(Exception):
    """What went wrong: what was asked, what came and from whom. `kind` counts alike errors."""

    kind = "unexpected"


class RetriableError(TributaryError):
    """The same request may succeed later; `after_seconds` is what the provider asked to wait."""

    kind = "retriable"

    def __init__(self, message: str, after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds


class UnreachableError(RetriableError):
    """No answer: connecting failed, or the answer did not come in time."""

    kind = "unreachable"


class UpstreamError(RetriableError):
    """A 5xx from the provider or a proxy before it."""

    kind = "upstream"


class RateLimitedError(RetriableError):
    """A 429: the provider's request limit is used up."""

    kind = "rate_limited"


class MalformedAnswerError(RetriableError):
    """An answer that is not what the provider documents: cut off, not JSON, of another shape."""

    kind = "malformed_answer"


class StorageError(RetriableError):
    """DynamoDB or another AWS service refused, throttled or did not answer."""

    kind = "storage"


class ContendedError(StorageError):
    """Another writer changed the same item each time this one tried."""

    kind = "contended"


class OutOfTimeError(RetriableError):
    """The run's deadline is too near for another request."""

    kind = "out_of_time"


class OutOfBudgetError(OutOfTimeError):
    """The account's share of the provider's request limit is used up until after the deadline.

    As when time runs out, nothing is wrong with what was to be asked: the next run goes on.
    """

    kind = "out_of_budget"


class FatalError(TributaryError):
    """Nothing changes by trying again: the request, the credentials or a setting must change."""

    kind = "fatal"


class CredentialsRefusedError(FatalError):
    """A 401: the provider does not take the token."""

    kind = "credentials_refused"


class QuarantinedError(FatalError):
    """The token was refused by so many runs in a row that it is not sent until it is replaced."""

    kind = "quarantined"


class ForbiddenError(FatalError):
    """A 403: the token lacks a permission."""

    kind = "forbidden"


class GoneError(FatalError):
    """A 404: the resource is gone, or not this account's."""

    kind = "gone"


class RequestRefusedError(FatalError):
    """Any other 4xx: the provider does not understand the request."""

    kind = "request_refused"


class SettingsError(FatalError):
    """A setting, event or secret that can't be used; the message says what it should be."""

    kind = "settings"
