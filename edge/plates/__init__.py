"""Number plates of vehicles that an event of a traffic rule is about: off unless a camera's file asks for it."""
