"""Many runs, in worker processes."""
