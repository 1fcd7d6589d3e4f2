#!/bin/sh
# Terraform in the folder that `python -m infra synth` has written, with the credentials of this job:
# `terraform.sh FOLDER COMMAND…`
set -eu
folder=$1
shift
exec docker run --rm --network host --user "$(id -u):$(id -g)" --volume "$PWD/$folder:/stack" --workdir /stack \
    --env HOME=/home --volume "$HOME/.aws:/home/.aws:ro" \
    hashicorp/terraform:1.14.9 "$@"
