# Two images from one tree: `server` without numpy, OpenCV and FFmpeg; `edge` without Flask and SQLAlchemy.
FROM python:3.12-slim AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN useradd --system --uid 10001 --create-home langan && mkdir /data && chown langan /data
WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY contract ./contract
COPY edge ./edge
COPY server ./server
COPY models ./models
COPY configs/presets ./configs/presets

FROM base AS server
RUN pip install -c constraints.txt -e ".[server,postgres,scale]"
USER langan
VOLUME /data
EXPOSE 8000
ENTRYPOINT ["langan-server"]
CMD ["run", "--host", "0.0.0.0", "--port", "8000"]

FROM base AS edge
# A container has no screen: the same OpenCV without windows needs no libGL.
RUN pip install -c constraints.txt -e ".[edge]" \
    && version=$(python -c 'from importlib.metadata import version; print(version("opencv-python"))') \
    && pip uninstall --yes opencv-python && pip install "opencv-python-headless==$version"
USER langan
VOLUME /data
ENTRYPOINT ["langan-edge"]
CMD ["run", "--config", "/configs", "--data", "/data", "--media", "/media"]
