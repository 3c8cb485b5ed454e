"""How every tool speaks: options, exit status, tables, JSON, manuals."""
