"""One short module per figure or table; imported by nobody."""
