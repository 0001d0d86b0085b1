"""The one error of the stand-in: an install that cannot go on, with the reason a human reads."""


class InstallError(Exception):
    """Ends the install; its text becomes the reason of `event=failed`."""
