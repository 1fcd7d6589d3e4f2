"""The language model that apps put questions to."""
