// Stand-ins for panels that only Grafana itself has (state timeline, status history, map). Words, colours and units
// come from Grafana's own code; places and sizes are ours and prove nothing.
import { formattedValueToString, getFieldDisplayName } from '@grafana/data';

const NAMES_PX = 210;
const LEGEND_PX = 24;
const AXIS_PX = 18;

function rowsOf(frames) {
  return frames.flatMap((frame) => {
    const time = frame.fields.find(({ type }) => type === 'time');
    return frame.fields
      .filter(({ type }) => type === 'number')
      .map((field) => ({ field, time, name: getFieldDisplayName(field, frame, frames) }));
  });
}

function Legend({ rows }) {
  const seen = new Map();
  for (const { field } of rows) {
    for (const value of field.values) {
      const shown = field.display(value);
      seen.set(shown.text, shown.color);
    }
  }
  return (
    <div style={{ height: LEGEND_PX, display: 'flex', gap: 16, fontSize: 12, alignItems: 'center' }}>
      {[...seen].slice(0, 8).map(([text, color]) => (
        <span key={text}>
          <span style={{ display: 'inline-block', width: 14, height: 4, background: color, marginRight: 6 }} />
          {text}
        </span>
      ))}
    </div>
  );
}

function Marks({ range, x }) {
  const day = 86400;
  const step = (range.to - range.from) / day > 20 ? 7 * day : (range.to - range.from) / day > 2 ? day : 4 * 3600;
  const offset = 7 * 3600;
  const marks = [];
  for (let at = Math.ceil((range.from + offset) / step) * step - offset; at < range.to; at += step) {
    const format = step < day ? { hour: '2-digit', minute: '2-digit' } : { month: '2-digit', day: '2-digit' };
    marks.push([at, new Date(at * 1000).toLocaleString('en-GB', { timeZone: 'Asia/Jakarta', ...format })]);
  }
  return marks.map(([at, text]) => (
    <text key={at} x={x(at)} y={AXIS_PX - 5} fontSize={11} fill="currentColor" textAnchor="middle">
      {text}
    </text>
  ));
}

export function Timeline({ panel, frames, range, stepS, width, height, theme }) {
  const rows = rowsOf(frames);
  const cells = panel.type === 'status-history';
  const plot = width - NAMES_PX;
  const x = (at) => NAMES_PX + ((at - range.from) / (range.to - range.from)) * plot;
  const rowHeight = (height - LEGEND_PX - AXIS_PX) / Math.max(rows.length, 1);
  return (
    <div style={{ color: theme.colors.text.primary }}>
      <svg width={width} height={height - LEGEND_PX} style={{ display: 'block', overflow: 'hidden' }}>
        {rows.map(({ field, time, name }, row) => {
          const y = row * rowHeight;
          return (
            <g key={name}>
              <text x={NAMES_PX - 8} y={y + rowHeight / 2 + 4} fontSize={12} fill="currentColor" textAnchor="end">
                {name}
              </text>
              {field.values.map((value, at) => {
                const shown = field.display(value);
                const from = time.values[at] / 1000;
                const wide = (stepS / (range.to - range.from)) * plot;
                return (
                  <g key={at}>
                    <rect x={x(from)} y={y + rowHeight * 0.05} width={cells ? wide * 0.95 : wide + 0.5} height={rowHeight * 0.9} fill={shown.color} fillOpacity={0.85} />
                    {cells && wide > 26 && rowHeight > 12 && (
                      <text x={x(from) + wide / 2} y={y + rowHeight / 2 + 4} fontSize={11} textAnchor="middle" fill={theme.colors.getContrastText(shown.color)}>
                        {formattedValueToString(shown)}
                      </text>
                    )}
                  </g>
                );
              })}
            </g>
          );
        })}
        <g transform={`translate(0 ${height - LEGEND_PX - AXIS_PX})`}>
          <Marks range={range} x={x} />
        </g>
      </svg>
      <Legend rows={rows} />
    </div>
  );
}

export function Places({ panel, frames, width, height, theme }) {
  const frame = frames[0];
  const layers = panel.options.layers;
  if (!frame || !layers.length) {
    return null;
  }
  const named = (name) => frame.fields.find((field) => getFieldDisplayName(field, frame, frames) === name);
  const { latitude, longitude } = layers[0].location;
  const [north, east] = [named(latitude), named(longitude)];
  const { lat, lon, zoom } = panel.options.view;
  // Web Mercator, as the map's own view: 256 px at zoom 0.
  const scale = 256 * 2 ** zoom;
  const mercator = (degrees) => Math.log(Math.tan(Math.PI / 4 + (degrees * Math.PI) / 360)) / (2 * Math.PI);
  const place = (at) => [
    width / 2 + ((east.values[at] - lon) / 360) * scale,
    height / 2 - (mercator(north.values[at]) - mercator(lat)) * scale,
  ];
  return (
    <svg width={width} height={height} style={{ background: theme.colors.background.secondary, color: theme.colors.text.primary, overflow: 'hidden' }}>
      {layers.map(({ name, config: { style } }) => {
        const coloured = named(style.color.field);
        const written = named(style.text.field);
        return (
          <g key={name}>
            {coloured.values.map((value, at) => {
              const [x, y] = place(at);
              const size = style.size.field ? style.size.min + ((style.size.max - style.size.min) * value) / 3 : style.size.fixed;
              return (
                <g key={at}>
                  {style.opacity > 0 && <circle cx={x} cy={y} r={size} fill={coloured.display(value).color} fillOpacity={style.opacity} />}
                  <text x={x} y={y + style.textConfig.offsetY + 4} fontSize={style.textConfig.fontSize} fill={theme.colors.text.primary} textAnchor="middle">
                    {written.display ? formattedValueToString(written.display(written.values[at])) : written.values[at]}
                  </text>
                </g>
              );
            })}
          </g>
        );
      })}
    </svg>
  );
}
