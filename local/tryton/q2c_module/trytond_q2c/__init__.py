# SPDX-License-Identifier: GPL-3.0-or-later
"""External identifiers set by the client, and signed webhooks."""
