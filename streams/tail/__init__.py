"""Looking at topics: messages read from outside, decoded as far as they go, shown to people and machines."""
