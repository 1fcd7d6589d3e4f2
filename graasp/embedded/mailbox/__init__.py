"""The development mailbox: an SMTP server that delivers nothing, and pages that show what it was given."""
