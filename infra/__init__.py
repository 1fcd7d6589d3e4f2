"""The cloud as code: what one environment needs on AWS, written out for Terraform by `python -m infra synth`.

What a state means is not said here but in `graasp.deployment.states`, what things are called in
`graasp.deployment.aws_names`; see README.md.
"""
