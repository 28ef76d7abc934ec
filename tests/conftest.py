"""Shared by all tests: the environment in which TensorFlow is imported, as in a worker with one thread."""

import os

from folklore.pool import environment

os.environ.update(environment(threads=1))
