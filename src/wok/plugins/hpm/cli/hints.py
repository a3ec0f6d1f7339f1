"""What a user of the command line does about an error. The API and its client speak to programs, too."""

from __future__ import annotations

from ..client.errors import ApiError, NoConnection
from ..texts import t
from .session import Session

#: How OpenSSL says that nobody vouches for a certificate. Others, such as an expired one, are not helped by `--cacert`.
_NOBODY_VOUCHES = ("self-signed certificate", "self signed certificate", "unable to get local issuer certificate")


def no_connection(error: NoConnection) -> str:
    """The message, for a certificate that is not trusted with what would have it trusted."""
    if not any(words in error.message for words in _NOBODY_VOUCHES):
        return error.message
    return t(
        "no connection to hpm at {place}: hpm's certificate is not trusted here; say --cacert FILE with a copy of it"
        " (on its host: /var/lib/hpm-web/cert.pem)",
        place=error.place,
    )


def refusal(error: ApiError, session: Session) -> str:
    """The message, for somebody unknown with what tells hpm who it is."""
    if error.status == 401 and session.anonymous:
        return t("hpm must know who you are: say --user NAME, or set HPM_TOKEN_FILE to the name of a file with a token")
    return error.message
