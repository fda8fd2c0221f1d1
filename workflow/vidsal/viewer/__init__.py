"""The page to look at: one video per clip holds all its maps, coloured in the browser."""
