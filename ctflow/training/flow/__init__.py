"""The transformer, trained from prepared shards as published."""
