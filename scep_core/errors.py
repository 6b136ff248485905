"""What can go wrong, by whose fault it is and what goes on the wire.

::

    ScepError
      LocalError        we would have broken the protocol: a bug of ours, never retried
      NotAPkiMessage    these bytes are not a SCEP message; no CertRep can be built (HTTP 400)
      PeerError         the peer broke the protocol; ``fail_info`` is what to answer

A legal "no" is not an error: it is ``messages.Failure``.
"""

from __future__ import annotations

from scep_core.values import FailInfo


class ScepError(Exception):
    """Anything this package refuses."""


class LocalError(ScepError):
    """Our side asked for something the protocol does not allow."""


class NotAPkiMessage(ScepError):
    """Not CMS SignedData with SCEP's signed attributes, so there is no transaction to answer in."""


class PeerError(ScepError):
    """The peer's message is wrong; ``fail_info`` says how, ``str()`` says why, for people.

    The text never tells apart the ways in which a sealed content failed to open (RFC 8894
    section 7 and the padding-oracle literature): see ``codec`` and ``envelopes.open_envelope``.
    """

    def __init__(self, fail_info: FailInfo, why: str) -> None:
        super().__init__(why)
        self.fail_info = fail_info
