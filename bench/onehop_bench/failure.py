# SPDX-License-Identifier: Apache-2.0
"""Why a sample does not count."""


class Failure(Exception):
    """The target did not complete its task."""
