"""One device each, one library each; no driver knows a rule or another driver."""
