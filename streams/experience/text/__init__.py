"""The tone of a text: what the customer's words say, about what, and which words say it. Chinese and English."""
