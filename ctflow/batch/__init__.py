"""Many reports to volumes, on Ray.

batch = plan_batch(BatchOrder(job=BatchJob(model=MODEL, out=DIR), reports=FILE, modes=(…), real=DIR))
for outcome in generate_batch(batch, RayMaking(None)):
    …  # an `Outcome` for each of `batch.tasks`, by its number
"""
