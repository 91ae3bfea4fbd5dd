#!/bin/sh
# Prints the rules of deploy/prometheus for the Prometheus operator:
#
#   deploy/kubernetes/monitoring/prometheus-rule.sh | kubectl --namespace rtplat apply -f -
set -eu
cat <<'END'
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: rtplat
  labels:
    app.kubernetes.io/name: rtplat
spec:
END
sed 's/^\(.\)/  \1/' "$(dirname "$0")/../../prometheus/rules.yml"
