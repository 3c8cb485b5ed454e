"""What a prompt needs of its session: directory, branch, variables, prerequisites."""
