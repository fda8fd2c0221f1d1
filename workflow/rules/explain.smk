# From a model and frames to heatmaps; and the controls that every heatmap has to beat.
# INPUTS:  results/{dataset}/frames/{shard}.h5, the model's weights and predictions
# OUTPUT:  results/{dataset}/heatmaps/{model}/{method}/{shard}.h5
#          results/{dataset}/export/{model}/{method}/{shard}/   the same in other formats


rule shared_pass:
    """Make all maps that come from one forward and one backward pass, into the part cache."""
    input:
        frames="results/{dataset}/frames/{shard}.h5",
        predictions="results/{dataset}/predictions/{model}/{shard}.parquet",
        weights=weights_of,
    output:
        receipt="results/{dataset}/shared_pass/{model}/{shard}.tsv",
    log:
        "logs/{dataset}/shared_pass/{model}/{shard}.log",
    benchmark:
        "benchmarks/runs/{dataset}/shared_pass/{model}/{shard}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: config["numerics"]["torch_threads"]
    resources:
        mem_mb=6000,
        runtime=240,
        gpu=1,
    params:
        # As in `classify`, and nothing of the methods: where this rule reruns, Snakemake looks for no
        # other reason to run what takes its receipt as ancient. A changed method reruns its own
        # `explain`, which makes the missing maps itself.
        code=code("testing", models="model"),
        options=options("numerics", "max_failures", models="model"),
    script:
        "../scripts/shared_pass.py"


rule explain:
    """Explain the videos of a shard with one method: a heatmap for each video."""
    input:
        frames=from_coarse("results/{dataset}/frames/{shard}.h5"),
        predictions=from_coarse("results/{dataset}/predictions/{model}/{shard}.parquet"),
        weights=weights_of,
        receipt=ancient(receipt_of),
    output:
        heatmaps="results/{dataset}/heatmaps/{model}/{method}/{shard}.h5",
        failures="results/{dataset}/heatmaps/{model}/{method}/{shard}.failures.tsv",
    log:
        "logs/{dataset}/explain/{model}/{method}/{shard}.log",
    benchmark:
        "benchmarks/runs/{dataset}/explain/{model}/{method}/{shard}.tsv"
    wildcard_constraints:
        model=alternatives(*RUN["models"]),
        method=alternatives(*RUN["methods"]),
    conda:
        "../../envs/torch.yaml"
    threads: config["numerics"]["torch_threads"]
    resources:
        mem_mb=6000,
        runtime=720,
        gpu=1,
    params:
        code=code("explaining", models="model", attribution="method"),
        options=options(
            "numerics",
            "precision",
            "explain",
            "max_failures",
            "seed",
            models="model",
            attribution="method",
        ),
    script:
        "../scripts/explain.py"


rule control:
    """Make the maps of a control, which knows nothing of any network."""
    input:
        rows=from_coarse("results/{dataset}/videos/{shard}.tsv"),
        frames=from_coarse("results/{dataset}/frames/{shard}.h5"),
        gaze=gaze_of_control,
        everyone=everyone_of_control,
    output:
        heatmaps="results/{dataset}/heatmaps/none/{method}/{shard}.h5",
        failures="results/{dataset}/heatmaps/none/{method}/{shard}.failures.tsv",
    log:
        "logs/{dataset}/control/{method}/{shard}.log",
    benchmark:
        "benchmarks/runs/{dataset}/control/{method}/{shard}.tsv"
    wildcard_constraints:
        method=alternatives(*RUN["controls"]),
    conda:
        "../../envs/score.yaml"
    resources:
        mem_mb=3000,
        runtime=240,
    params:
        code=code("predicting", controls="method"),
        options=options("seed", "explain", "max_failures", controls="method"),
    script:
        "../scripts/control.py"


rule export_maps:
    """Write the maps of a shard in other formats: NumPy arrays, text, grey pictures, archives."""
    input:
        heatmaps="results/{dataset}/heatmaps/{model}/{method}/{shard}.h5",
    output:
        folder=directory("results/{dataset}/export/{model}/{method}/{shard}"),
    log:
        "logs/{dataset}/export_maps/{model}/{method}/{shard}.log",
    benchmark:
        "benchmarks/runs/{dataset}/export_maps/{model}/{method}/{shard}.tsv"
    conda:
        "../../envs/score.yaml"
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        code=code("exchange"),
        options=options("export"),
    script:
        "../scripts/export_maps.py"
