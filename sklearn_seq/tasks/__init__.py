"""Tasks: what ``y`` is, the loss, the head, the decoding, the score. One file a task."""
