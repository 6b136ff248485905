"""The bundle server: collections of CA certificates for routers' trust pools, good ones and bad ones.

``domain`` reads recipes and makes bundles of them, without I/O; the other modules keep, serve and switch
them.
"""
