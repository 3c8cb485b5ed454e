"""The hooks through which agents report their turns: installed, trusted and parsed."""
