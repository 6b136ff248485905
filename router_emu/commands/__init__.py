"""One function a command: ``handler(context, args)`` returns its text, or a Flow that asks and performs.

``flow`` and ``context`` are what a handler works with; every other module is a family of commands.
Which words call which handler is the grammar's affair (``router_emu.cli.grammar``).
"""
