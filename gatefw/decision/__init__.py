"""Whether this person passes now. Pure: told everything, asks nothing, and time is an argument."""
