// Says what in a dashboard Grafana's types do not know, or know otherwise.
import fs from "node:fs";
import Ajv from "ajv";

const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
const fits = (name) => ajv.compile(JSON.parse(fs.readFileSync(`${name}.schema.json`)));
const dashboard = fits("Dashboard");
const panels = {
  stat: [fits("StatOptions")],
  table: [fits("TableOptions"), fits("TableField")],
  timeseries: [fits("TimeseriesOptions"), fits("TimeseriesField")],
  "state-timeline": [fits("TimelineOptions"), fits("TimelineField")],
  "status-history": [fits("HistoryOptions"), fits("HistoryField")],
  text: [fits("TextOptions")],
};

let wrong = 0;
function check(fit, value, where) {
  if (value === undefined || fit(value)) return;
  wrong += 1;
  for (const error of fit.errors.filter((error) => error.keyword !== "anyOf").slice(0, 5)) {
    console.log(`${where}: ${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`);
  }
}

const files = process.argv.slice(2);
for (const file of files) {
  const whole = JSON.parse(fs.readFileSync(file));
  check(dashboard, whole, file);
  for (const panel of whole.panels) {
    const [options, field] = panels[panel.type] ?? [];
    if (options) check(options, panel.options, `${file}: ${panel.title}`);
    if (field) check(field, panel.fieldConfig.defaults.custom, `${file}: ${panel.title}`);
  }
}

// A check that finds nothing has to be able to find something.
const spoiled = JSON.parse(fs.readFileSync(files[0]));
spoiled.panels[1].fieldConfig.defaults.thresholds.mode = "absolut";
if (dashboard(spoiled)) {
  wrong += 1;
  console.log("a wrong mode of thresholds was not seen");
}
console.log(`${files.length} dashboards, ${wrong} complaints`);
process.exit(wrong ? 1 : 0);
