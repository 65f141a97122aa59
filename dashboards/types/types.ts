// What check.mjs compares with: one name for a dashboard, and two for each kind of panel.
import type { Dashboard as Whole, Panel, RowPanel } from "./node_modules/@grafana/schema/dist/types/raw/dashboard/x/types.gen";
import type * as stat from "./node_modules/@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/types.gen";
import type * as table from "./node_modules/@grafana/schema/dist/types/raw/composable/table/panelcfg/x/types.gen";
import type * as timeseries from "./node_modules/@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/types.gen";
import type * as timeline from "./node_modules/@grafana/schema/dist/types/raw/composable/statetimeline/panelcfg/x/types.gen";
import type * as history from "./node_modules/@grafana/schema/dist/types/raw/composable/statushistory/panelcfg/x/types.gen";
import type * as text from "./node_modules/@grafana/schema/dist/types/raw/composable/text/panelcfg/x/types.gen";

export interface Dashboard extends Omit<Whole, "panels"> {
  panels: (Panel | RowPanel)[];
}
export type StatOptions = Partial<stat.Options>;
export type TableOptions = Partial<table.Options>;
export type TableField = Partial<table.FieldConfig>;
export type TimeseriesOptions = Partial<timeseries.Options>;
export type TimeseriesField = Partial<timeseries.FieldConfig>;
export type TimelineOptions = Partial<timeline.Options>;
export type TimelineField = Partial<timeline.FieldConfig>;
export type HistoryOptions = Partial<history.Options>;
export type HistoryField = Partial<history.FieldConfig>;
export type TextOptions = Partial<text.Options>;
