"""What ops learn of the gate: messages, the queue in front of the broker, the link to it."""
