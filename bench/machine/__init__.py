"""The machine: its environment, devices and memory."""
