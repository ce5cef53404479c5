# SPDX-License-Identifier: Apache-2.0
"""The modules of bench/run, bench/train and tools/count_instructions."""
