"""How an installation is operated: its four states, what leads from one to another, and releases."""
