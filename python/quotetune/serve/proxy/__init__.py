"""Chats with the model of another server, whose answers get citations on the way."""
