# From frames to predicted gaze, as heatmaps under the reserved method name `gaze`.
# INPUT:   results/{dataset}/frames/{shard}.h5
# OUTPUT:  results/{dataset}/heatmaps/{model}/gaze/{shard}.h5


rule predict_gaze:
    """Predict where people look, frame by frame."""
    input:
        rows=from_coarse("results/{dataset}/videos/{shard}.tsv"),
        frames=from_coarse("results/{dataset}/frames/{shard}.h5"),
        weights=weights_of,
    output:
        heatmaps="results/{dataset}/heatmaps/{model}/gaze/{shard}.h5",
        failures="results/{dataset}/heatmaps/{model}/gaze/{shard}.failures.tsv",
    log:
        "logs/{dataset}/predict_gaze/{model}/{shard}.log",
    benchmark:
        "benchmarks/runs/{dataset}/predict_gaze/{model}/{shard}.tsv"
    wildcard_constraints:
        model=alternatives(*RUN["gaze"]),
    conda:
        "../../envs/torch.yaml"
    threads: config["numerics"]["torch_threads"]
    resources:
        mem_mb=6000,
        runtime=720,
        gpu=1,
    params:
        code=code("predicting", gaze="model"),
        options=options("numerics", "explain", "max_failures", gaze="model"),
    script:
        "../scripts/predict_gaze.py"
