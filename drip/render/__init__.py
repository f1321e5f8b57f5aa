"""A step and a learner become a Message."""
