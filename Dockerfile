# docker build -t ctflow . && docker run --rm -p 7860:7860 ctflow      (with NVIDIA GPUs: docker run --gpus all …)
#
# Without an NVIDIA GPU, torch's CPU build is a tenth of the size: --build-arg PIP_TORCH_ARGS="--index-url …"
# (PyTorch's site gives the address). Another model: -v FOLDER:/model:ro -e CTFLOW_MODEL=/model
FROM python:3.12-slim

# For --cuda compile alone, which builds what starts its kernels. Python's headers are in the image already.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*

ARG TORCH=torch==2.13.0
ARG PIP_TORCH_ARGS=
WORKDIR /ctflow
COPY requirements.txt ./
RUN pip install --no-cache-dir "$TORCH" $PIP_TORCH_ARGS && pip install --no-cache-dir -r requirements.txt

# Readable for the user below, whatever the checkout's own permissions are.
COPY --chmod=755 app.py ./
COPY --chmod=755 app ./app
COPY --chmod=755 ctflow ./ctflow
COPY --chmod=755 checkpoints ./checkpoints

# Nobody's home cannot be written to, and nothing needs it to be: volumes and caches are under /tmp.
USER nobody
ENV GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=7860 GRADIO_TEMP_DIR=/tmp/ctflow \
    TORCHINDUCTOR_CACHE_DIR=/tmp/inductor TRITON_CACHE_DIR=/tmp/triton CUDA_CACHE_PATH=/tmp/cuda \
    HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1
EXPOSE 7860
HEALTHCHECK --start-period=120s --timeout=5s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/health', timeout=4)"]
CMD ["python", "app.py"]
