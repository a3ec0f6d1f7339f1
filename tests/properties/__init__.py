"""Properties of the pure planner, over random hosts and loads on a fluid model of sharing by weight."""
