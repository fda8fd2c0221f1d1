# From heatmaps over time to saliency maps.
# INPUT:   results/{dataset}/heatmaps/{model}/{method}/{shard}.h5
# OUTPUT:  results/{dataset}/saliency/{model}/{method}/{aggregation}/{shard}.h5


rule aggregate:
    """Aggregate heatmaps over time."""
    input:
        heatmaps="results/{dataset}/heatmaps/{model}/{method}/{shard}.h5",
    output:
        saliency="results/{dataset}/saliency/{model}/{method}/{aggregation}/{shard}.h5",
    log:
        "logs/{dataset}/aggregate/{model}/{method}/{aggregation}/{shard}.log",
    benchmark:
        "benchmarks/runs/{dataset}/aggregate/{model}/{method}/{aggregation}/{shard}.tsv"
    conda:
        "../../envs/score.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        code=code("aggregating", aggregation="aggregation"),
        options=options(aggregation="aggregation"),
    script:
        "../scripts/aggregate.py"
