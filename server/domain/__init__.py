"""Pure decisions: who may do and see what, the life cycle of incidents, grouping. Imports only the contract."""
