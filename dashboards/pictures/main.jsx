// Draws one dashboard: ?dashboard=id/office&prometheus=127.0.0.1:9090&width=1600. The title becomes `ready`.
import { Component, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { createTheme, getFieldDisplayValues, renderTextPanelMarkdown, ThemeContext, toUtc } from '@grafana/data';
import { BigValue, BigValueColorMode, BigValueGraphMode, BigValueTextMode, GlobalStyles, PanelChrome, TimeSeries } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';

import { framesOf, stepOf, variablesOf } from './frames.js';
import { Places, Timeline } from './standins.jsx';

// Grafana's grid.
const CELL_PX = 30;
const GAP_PX = 8;
const HEAD_PX = 48;

const asked = new URLSearchParams(location.search);
const theme = createTheme({ colors: { mode: asked.get('mode') ?? 'dark' } });
const width = Number(asked.get('width') ?? 1600);
const prometheus = asked.get('prometheus');

function Stat({ panel, frames, width, height }) {
  const { options } = panel;
  const shown = getFieldDisplayValues({
    fieldConfig: panel.fieldConfig,
    reduceOptions: options.reduceOptions,
    replaceVariables: (text) => text,
    theme,
    data: frames,
    timeZone: 'Asia/Jakarta',
  });
  return (
    <div style={{ display: 'flex' }}>
      {shown.map(({ display }, at) => (
        <BigValue
          key={at}
          value={display}
          theme={theme}
          width={width / shown.length}
          height={height}
          colorMode={options.colorMode ?? BigValueColorMode.None}
          graphMode={options.graphMode ?? BigValueGraphMode.None}
          textMode={options.textMode ?? BigValueTextMode.Auto}
          justifyMode={options.justifyMode}
        />
      ))}
    </div>
  );
}

function Lines({ panel, frames, range, width, height }) {
  const timeRange = { from: toUtc(range.from * 1000), to: toUtc(range.to * 1000), raw: {} };
  return <TimeSeries frames={frames} width={width} height={height} timeRange={timeRange} timeZone="Asia/Jakarta" legend={panel.options.legend} options={panel.options} />;
}

function Sheet({ panel, frames, width, height }) {
  if (!frames[0]?.length) {
    return <div style={{ padding: 16, textAlign: 'center' }}>No data</div>;
  }
  return (
    <TableNG data={frames[0]} width={width} height={height} cellHeight={panel.options.cellHeight} fieldConfig={panel.fieldConfig} structureRev={1} enableVirtualization={false} />
  );
}

function Words({ panel }) {
  return <div className="markdown-html" style={{ padding: '0 8px' }} dangerouslySetInnerHTML={{ __html: renderTextPanelMarkdown(panel.options.content) }} />;
}

const KINDS = { stat: Stat, timeseries: Lines, table: Sheet, text: Words, geomap: Places, 'state-timeline': Timeline, 'status-history': Timeline };

// A panel that breaks must not take the others along, and must be seen.
class Fence extends Component {
  state = { error: null };
  static getDerivedStateFromError(error) {
    return { error };
  }
  render() {
    return this.state.error ? <pre data-broken>{String(this.state.error.stack ?? this.state.error)}</pre> : this.props.children;
  }
}

function Panel({ panel, frames, error, range }) {
  const column = (width + GAP_PX) / 24;
  const { x, y, w, h } = panel.gridPos;
  const box = { left: x * column, top: HEAD_PX + y * (CELL_PX + GAP_PX), width: w * column - GAP_PX, height: h * (CELL_PX + GAP_PX) - GAP_PX };
  if (panel.type === 'row') {
    return <h4 style={{ position: 'absolute', ...box, color: theme.colors.text.primary, margin: 0, lineHeight: '30px' }}>{panel.title}</h4>;
  }
  const Kind = KINDS[panel.type];
  const stepS = stepOf(panel, range, box.width);
  return (
    <div style={{ position: 'absolute', ...box }}>
      <PanelChrome title={panel.title} description={panel.description || undefined} width={box.width} height={box.height} padding={panel.type === 'geomap' ? 'none' : 'md'}>
        {(innerWidth, innerHeight) =>
          error ? (
            <pre data-broken>{String(error)}</pre>
          ) : panel.targets && !frames.length ? (
            <div style={{ padding: 16, textAlign: 'center' }}>{panel.fieldConfig.defaults.noValue ?? 'No data'}</div>
          ) : (
            <Fence>
              <Kind panel={panel} frames={frames} range={range} stepS={stepS} theme={theme} width={innerWidth} height={innerHeight} />
            </Fence>
          )
        }
      </PanelChrome>
    </div>
  );
}

function starts(from, now) {
  if (from === 'now/fQ') {
    const at = new Date((now + 7 * 3600) * 1000);
    return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() - (at.getUTCMonth() % 3), 1) / 1000 - 7 * 3600;
  }
  const [, many, unit] = /^now-(\d+)([hd])$/.exec(from);
  return now - Number(many) * { h: 3600, d: 86400 }[unit];
}

async function read() {
  const dashboard = await (await fetch(`./${asked.get('dashboard')}.json`)).json();
  const now = Math.floor(Date.now() / 1000);
  const range = { from: starts(dashboard.time.from, now), to: now };
  const variables = await variablesOf(dashboard, { prometheus, chosen: Object.fromEntries(asked) });
  const values = Object.fromEntries(Object.entries(variables).map(([name, { value }]) => [name, value]));
  const panels = [];
  for (const panel of dashboard.panels) {
    const widthPx = (panel.gridPos.w * width) / 24;
    try {
      panels.push({ panel, frames: await framesOf(panel, { prometheus, range, variables: values, theme, widthPx }) });
    } catch (error) {
      panels.push({ panel, frames: [], error });
    }
  }
  return { dashboard, range, variables, panels };
}

function Dashboard() {
  const [found, setFound] = useState(null);
  useEffect(() => void read().then(setFound, (error) => (document.title = `broken: ${error.stack}`)), []);
  useEffect(() => {
    if (found) {
      // Charts are drawn after this.
      setTimeout(() => (document.title = 'ready'), 1500);
    }
  }, [found]);
  if (!found) {
    return null;
  }
  const labels = found.dashboard.templating.list.filter(({ name }) => found.variables[name]);
  const bottom = Math.max(...found.panels.map(({ panel: { gridPos } }) => gridPos.y + gridPos.h));
  return (
    <div style={{ position: 'relative', width, height: HEAD_PX + bottom * (CELL_PX + GAP_PX), margin: 8 }}>
      <h3 style={{ margin: 0 }}>
        {found.dashboard.title} <small>{labels.map(({ name, label }) => `${label}: ${found.variables[name].text}`).join('   ')}</small>
      </h3>
      {found.panels.map((one) => (
        <Panel key={one.panel.id} {...one} range={found.range} />
      ))}
    </div>
  );
}

createRoot(document.getElementById('root')).render(
  <ThemeContext.Provider value={theme}>
    <GlobalStyles />
    <Dashboard />
  </ThemeContext.Provider>
);
