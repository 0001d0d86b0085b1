"""The two names that pykickstart catches."""


class RequestException(OSError):
    """As python-requests has it."""


class SSLError(RequestException):
    """As python-requests has it."""
