"""Notifier: clinical-trial updates by e-mail, one calm, private digest per person."""
