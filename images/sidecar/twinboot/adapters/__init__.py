"""The outside world, one resource a module. They import neither each other nor the agent."""
