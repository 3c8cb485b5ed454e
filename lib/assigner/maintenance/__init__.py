"""Keeping an installation clean, backed up and scheduled."""
