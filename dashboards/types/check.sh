#!/usr/bin/env bash
# Holds the dashboards against Grafana's own types: JSON Schema made from @grafana/schema, checked by ajv.
#
#   dashboards/types/check.sh
#
# Fetches 32 packages from npm into a directory that is removed at the end; not part of lab/check.sh. The map's options are
# left out: their type needs the whole of OpenLayers.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here"/package.json "$here"/types.ts "$here"/check.mjs "$work/"
cd "$work"
npm install --silent --no-audit --no-fund
for type in $(sed -n 's/^export \(interface\|type\) \([A-Za-z]*\).*/\2/p' types.ts); do
  npx --no-install ts-json-schema-generator --path types.ts --type "$type" --no-type-check -o "$type.schema.json"
done
node check.mjs "$here"/../id/*.json "$here"/../en/*.json
