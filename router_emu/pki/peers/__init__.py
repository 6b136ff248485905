"""What the router thinks of others' certificates: ``checking`` is the way in, ``verdict`` what comes out."""
