// What Grafana's Prometheus data source makes of an answer, and what a panel makes of that: frames, transformations,
// overrides. The last two are Grafana's own code.
import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  FieldType,
  Registry,
  standardTransformers,
  standardTransformersRegistry,
  transformDataFrame,
} from '@grafana/data';
import { lastValueFrom } from 'rxjs';

standardTransformersRegistry.setInit(() =>
  // Some stand there by two names.
  [...new Map(Object.values(standardTransformers).filter((one) => one?.id).map((one) => [one.id, one])).values()].map(
    (transformation) => ({ id: transformation.id, name: transformation.name, transformation: () => transformation })
  )
);

// Grafana knows these by its editors; we have none, and every value goes into the field as it stands.
const STANDARD = ['unit', 'min', 'max', 'decimals', 'displayName', 'color', 'thresholds', 'mappings', 'links', 'noValue'];
const CUSTOM = ['width', 'align', 'cellOptions', 'fillOpacity', 'lineWidth', 'drawStyle', 'stacking'];
const properties = new Registry(() =>
  [...STANDARD.map((path) => [path, false]), ...CUSTOM.map((path) => [path, true])].map(([path, isCustom]) => ({
    id: isCustom ? `custom.${path}` : path,
    path,
    isCustom,
    name: path,
    process: (value) => value,
    shouldApply: () => true,
  }))
);

export function labelled(labels) {
  return `{${Object.entries(labels).map(([key, value]) => `${key}="${value}"`).join(', ')}}`;
}

function seriesFrames(target, result, stepMs) {
  return result.map(({ metric, values, value }) => {
    const pairs = values ?? [value];
    const named = target.legendFormat === '__auto' || !target.legendFormat
      ? labelled(metric)
      : target.legendFormat.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, key) => metric[key] ?? '');
    return {
      refId: target.refId,
      length: pairs.length,
      fields: [
        // With the step Grafana tells a hole from a line.
        { name: 'Time', type: FieldType.time, config: { interval: stepMs }, values: pairs.map(([at]) => at * 1000) },
        { name: 'Value', type: FieldType.number, config: { displayNameFromDS: named }, labels: metric, values: pairs.map(([, said]) => Number(said)) },
      ],
    };
  });
}

function tableFrame(target, result, alone) {
  const keys = [...new Set(result.flatMap(({ metric }) => Object.keys(metric)))].sort();
  const columns = keys.map((name) => ({ name, type: FieldType.string, config: {}, values: result.map(({ metric }) => metric[name] ?? '') }));
  return {
    refId: target.refId,
    length: result.length,
    fields: [
      { name: 'Time', type: FieldType.time, config: {}, values: result.map(({ value }) => value[0] * 1000) },
      ...columns,
      { name: alone ? 'Value' : `Value #${target.refId}`, type: FieldType.number, config: {}, values: result.map(({ value }) => Number(value[1])) },
    ],
  };
}

async function ask(prometheus, call, parameters) {
  const answer = await (await fetch(`http://${prometheus}/api/v1/${call}?${new URLSearchParams(parameters)}`)).json();
  if (answer.status !== 'success') {
    throw new Error(answer.error);
  }
  return answer.data.result;
}

const UNITS_S = { m: 60, h: 3600, d: 86400 };
const NICE_S = [15, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 21600, 43200, 86400];

function seconds(text) {
  return Number(text.slice(0, -1)) * UNITS_S[text.at(-1)];
}

// As Grafana: at least the panel's own, and no more points than the panel is wide.
export function stepOf(panel, range, widthPx) {
  const least = seconds(panel.interval ?? '1m');
  const wanted = (range.to - range.from) / (panel.maxDataPoints ?? widthPx);
  return Math.max(least, NICE_S.find((nice) => nice >= wanted) ?? NICE_S.at(-1));
}

export async function framesOf(panel, { prometheus, range, variables, theme, widthPx }) {
  const step = stepOf(panel, range, widthPx);
  const known = { ...variables, __interval: `${step}s`, __rate_interval: `${Math.max(step + 240, 960)}s` };
  const frames = [];
  for (const target of panel.targets ?? []) {
    const expression = target.expr.replace(/\$(\w+)/g, (whole, name) => known[name] ?? whole);
    const result = target.instant
      ? await ask(prometheus, 'query', { query: expression, time: range.to })
      : await ask(prometheus, 'query_range', {
          query: expression,
          start: Math.floor(range.from / step) * step,
          end: Math.floor(range.to / step) * step,
          step,
        });
    if (target.format === 'table') {
      frames.push(tableFrame(target, result, panel.targets.length === 1));
    } else {
      frames.push(...seriesFrames(target, result, step * 1000));
    }
  }
  const transformed = panel.transformations ? await lastValueFrom(transformDataFrame(panel.transformations, frames)) : frames;
  const shown = applyFieldOverrides({
    data: transformed,
    fieldConfig: panel.fieldConfig,
    fieldConfigRegistry: properties,
    replaceVariables: (text) => text,
    theme,
    timeZone: 'Asia/Jakarta',
  });
  // What a field was called before an override renamed it.
  shown.forEach(({ fields }) => fields.forEach((field) => (field.state = { ...field.state, displayName: undefined })));
  cacheFieldDisplayNames(shown);
  return shown;
}

// Values and names of the variables, found as Grafana finds them; the first one where only one can be chosen.
export async function variablesOf(dashboard, { prometheus, chosen }) {
  const values = {};
  for (const variable of dashboard.templating.list.filter(({ type }) => type === 'query')) {
    const query = /^query_result\((.*)\)$/.exec(variable.query.query)[1].replace(/\$(\w+)/g, (whole, name) => values[name]?.value ?? whole);
    const [, pattern] = /^\/(.*)\/$/.exec(variable.regex);
    const found = (await ask(prometheus, 'query', { query }))
      .map(({ metric }) => new RegExp(pattern).exec(labelled(metric).replaceAll(', ', ','))?.groups)
      .filter(Boolean)
      .sort((a, b) => a.text.localeCompare(b.text));
    values[variable.name] = variable.includeAll
      ? { value: '.*', text: 'All' }
      : (found.find(({ value }) => value === chosen[variable.name]) ?? found[0]);
  }
  return values;
}
