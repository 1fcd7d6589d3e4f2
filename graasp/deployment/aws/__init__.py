"""The parts of an installation on AWS, each as the driver for ECS needs it."""
