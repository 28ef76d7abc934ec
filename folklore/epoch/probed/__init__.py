"""What only probes compute: derivatives, and evaluation with batch statistics."""
