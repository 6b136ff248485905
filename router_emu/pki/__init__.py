"""What the router's PKI knows and does, without I/O: keys, trustpoints, enrolments, SCEP requests.

The law of this folder: no sockets, no files, no clock.  ``now`` and randomness are arguments; what
has to go over the network is a generator that yields ``HttpRequest`` and is sent ``HttpResponse``.
"""
