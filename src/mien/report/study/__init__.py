"""Tables and page of a leave-one-class-out study."""
