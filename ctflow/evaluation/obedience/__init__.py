"""Does a model draw what the report asks for, and nothing that it denies? `study` measures it in the volumes."""
