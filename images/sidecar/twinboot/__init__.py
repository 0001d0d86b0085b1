"""Twinboot: two or more install servers that act as one."""
