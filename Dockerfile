# One image for every service of the lab; what it runs is said by whoever starts it: see docker-compose.yml.
# It needs nothing that BuildKit has and the classic builder has not.
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS builder
WORKDIR /build
RUN python3 -m venv --without-pip /opt/sceplab
# These change seldom, so they have a layer of their own.
COPY requirements-image.txt requirements-build.txt ./
RUN python3 -m venv tools \
 && tools/bin/python -m pip install --disable-pip-version-check --no-cache-dir --quiet \
      --require-hashes -r requirements-build.txt \
 && tools/bin/python -m pip --python /opt/sceplab/bin/python install --disable-pip-version-check \
      --no-cache-dir --quiet --require-hashes -r requirements-image.txt
COPY . source
RUN tools/bin/python -m pip wheel --disable-pip-version-check --quiet \
      --no-deps --no-build-isolation --wheel-dir wheels ./source \
 && tools/bin/python -m pip --python /opt/sceplab/bin/python install --disable-pip-version-check \
      --no-cache-dir --quiet --no-deps --no-index wheels/*.whl

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="scep-lab" \
      org.opencontainers.image.description="A lab for SCEP and router PKI.  Not a CA for real use."
COPY --from=builder /opt/sceplab /opt/sceplab
# SSH clients want their user to have a name.  A fresh volume takes its owner from the folder that it covers.
RUN echo 'sceplab:x:10001:10001::/tmp:/usr/sbin/nologin' >>/etc/passwd \
 && mkdir -m 0700 /lab /state && chown 10001:10001 /lab /state
ENV PATH=/opt/sceplab/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    SCEPLAB_STATE=/state
# A number, so that it can be told not to be root without a look into the image.
USER 10001:10001
WORKDIR /tmp
CMD ["sceplab", "--help"]
