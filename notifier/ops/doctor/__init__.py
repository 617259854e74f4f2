"""What `notifier doctor` looks at: each check says what it found, why that matters, and what to do."""
