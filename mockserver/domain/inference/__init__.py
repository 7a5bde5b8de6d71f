"""What a ready endpoint answers: pure functions from a request, a model's profile, a seed and a moment to a reply.

Nothing here reads a clock, a file or global randomness: the same arguments give the same bytes.
"""
