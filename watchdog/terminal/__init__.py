"""What people see in a terminal: the table of `status`, live too, and all about one run."""
