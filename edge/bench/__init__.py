"""How many cameras a machine holds: `langan-edge bench --cameras` runs the whole edge and looks at it from outside."""
