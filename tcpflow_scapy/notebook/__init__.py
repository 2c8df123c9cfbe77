"""For people at a prompt or in a notebook: the IPython extension with its magics, and the flow browser."""
