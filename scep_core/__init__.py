"""SCEP (RFC 8894) and the CMS beneath it, without I/O: what the CA and the router share.

The law of this folder: no sockets, no files, no threads, no clock.  Time and randomness are
arguments; functions take bytes or frozen values and return bytes or frozen values.

Reading order: ``values`` (the protocol's constants), ``messages`` (what can be said), ``codec``
(a message to bytes and back), ``next_ca`` (the one answer that is no such message), ``http`` (bytes
to a request line and back), ``enrolment`` (when a client says what).  Below them ``csr``,
``certificates``, ``crls`` and ``names`` read and write X.509, ``cms`` signs and verifies,
``envelopes`` seals and opens; ``asn1``, with its ``structures``, is the one module that knows DER.
"""
