# SPDX-License-Identifier: Apache-2.0
"""The error of a sample that does not count."""


class Failure(Exception):
    """The target did not complete its task, or not correctly."""
