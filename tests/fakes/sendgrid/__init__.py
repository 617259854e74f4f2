"""A SendGrid of our own for tests: stricter than the real one, and it fails on demand.

`python -m tests.fakes.sendgrid --help` starts it as a process; `control.start_in_thread` inside a test.
"""
