"""Configuration: an immutable tree of settings and blocks, its text, and who may change it.

``tree`` (values, edits, the three-way merge), ``text`` (to the text of `show running-config` and
back, and the diff), ``store`` (running configuration, sessions with a candidate each, commits).
What settings there are comes in as a ``Mode`` of the grammar table.
"""
