"""Downloads by programs that others wrote, through faults: which of them notice; and storms of installs."""
