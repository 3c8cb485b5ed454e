"""Checks, repair and recovery when all else fails; its imports survive a broken installation."""
