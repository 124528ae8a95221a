"""Reports for leaders: what happened in an area in a period, how it was answered, and how well cameras watched."""
