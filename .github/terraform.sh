#!/bin/sh
# Terraform in the folder that `python -m infra synth` has written, with the credentials of this job:
# `terraform.sh FOLDER COMMAND…`
set -eu
folder=$(readlink -f "$1")
shift
exec docker run --rm --network host --user "$(id -u):$(id -g)" --volume "$folder:/stack" --workdir /stack \
    --env HOME=/home --volume "$HOME/.aws:/home/.aws:ro" \
    --env TF_VAR_maintenance_header_name --env TF_VAR_maintenance_header_secret \
    hashicorp/terraform:1.14.9 "$@"
