"""The router's edges: what touches sockets, files and the clock.

``terminal`` (keys) and ``vty`` (a terminal line) move bytes without a transport; ``ssh`` is the transport.
"""
