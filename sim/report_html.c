/* Text and tables around the figures; see report_html.h. */
#include "sim/report_html.h"

#include "base/file.h"
#include "base/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PATH_BYTES = 4096, MAX_SVG_BYTES = 64 << 20, LISTED_LINKS = 8 };

static const char STYLE[] =
    "body{margin:0;background:#f4f5f7;color:#1c2530;font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,"
    "'Helvetica Neue',Arial,sans-serif}"
    "main{max-width:1180px;margin:0 auto;padding:32px 24px 48px}"
    "header p{margin:.2em 0;color:#566070}h1{margin:0;font-size:30px;letter-spacing:-.02em}"
    "h2{margin:40px 0 12px;font-size:20px}"
    ".facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:24px 0}"
    ".facts div,.card,figure{background:#fff;border:1px solid #e1e5ea;border-radius:10px}"
    ".facts div{padding:12px 16px}.facts b{display:block;font-size:21px;font-weight:600}"
    ".facts span{color:#566070;font-size:13px}.card{padding:8px 16px;overflow-x:auto}"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
    "th,td{padding:7px 10px;text-align:right;border-bottom:1px solid #eceff2;white-space:nowrap}"
    "tr:last-child td{border-bottom:0}th{color:#566070;font-weight:600;font-size:13px}"
    "th:first-child,td:first-child{text-align:left}td.truth{color:#566070;text-align:left}"
    ".grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,500px),1fr));gap:16px}"
    "figure{margin:0;padding:12px 16px}figure svg{width:100%;height:auto;display:block}"
    "figure svg g{font-size:18px}"
    "figcaption{font-weight:600;font-size:15px;margin-bottom:4px}"
    ".note{color:#566070;font-size:14px}.warn{background:#fff7e6;border-color:#f0d9a8}"
    "@media(max-width:520px){.grid{grid-template-columns:1fr}}@media print{body{background:#fff}}";

/* ---- texts and numbers ---- */

static void put_text(FILE *out, const char *text) {
  for (; *text; text++) switch (*text) {
    case '<':
      fputs("&lt;", out);
      break;
    case '>':
      fputs("&gt;", out);
      break;
    case '&':
      fputs("&amp;", out);
      break;
    case '"':
      fputs("&quot;", out);
      break;
    default:
      fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
    }
}

static void put_cell(FILE *out, const char *format, double value) {
  fputs("<td>", out);
  if (isfinite(value)) {
    char text[64];
    snprintf(text, sizeof text, format, value);
    put_text(out, text);
  } else {
    fputs("&ndash;", out);
  }
  fputs("</td>", out);
}

/* 12,345,678 */
static void put_count(FILE *out, int64_t value) {
  char digits[32];
  int length = snprintf(digits, sizeof digits, "%lld", (long long)value);
  for (int i = 0; i < length; i++) {
    if (i > 0 && (length - i) % 3 == 0) fputc(',', out);
    fputc(digits[i], out);
  }
}

static void put_fact(FILE *out, int64_t value, const char *what) {
  fputs("<div><b>", out);
  put_count(out, value);
  fprintf(out, "</b><span>%s</span></div>", what);
}

/* ---- facts ---- */

static double offered_bytes(const sim_scenario *scenario) {
  double sum = 0;
  for (int64_t i = 0; i < scenario->n_flows; i++) sum += (double)scenario->flows[i].size_bytes;
  return sum;
}

static const char *congestion_control(const sim_scenario *scenario) {
  static const char *const names[] = {"DCTCP", "DCQCN", "HPCC", "TIMELY"}; /* parameters 2 to 5 */
  for (int i = 0; i < 4; i++)
    if (scenario->params[2 + i] > 0) return names[i];
  return "congestion control unknown";
}

static void put_facts(FILE *out, const sim_scenario *scenario) {
  const sim_topology *topology = scenario->topology;
  double bytes = offered_bytes(scenario), span_ns = 0;
  if (scenario->n_flows > 0)
    span_ns = (double)(scenario->flows[scenario->n_flows - 1].start_ns - scenario->flows[0].start_ns);
  fputs("<div class=facts>", out);
  put_fact(out, topology->n_hosts, "hosts");
  put_fact(out, topology->n_switches, "switches");
  put_fact(out, topology->n_links / 2, "cables");
  put_fact(out, scenario->n_flows, "flows");
  fprintf(out, "<div><b>%.4g KB</b><span>mean flow size</span></div>",
          scenario->n_flows > 0 ? bytes / (double)scenario->n_flows / 1000 : 0);
  fprintf(out, "<div><b>%.4g ms</b><span>of arrivals</span></div>", span_ns * 1e-6);
  fprintf(out, "<div><b>%s</b><span>buffer %.4g KB, window %.4g KB</span></div>",
          congestion_control(scenario), 10 * scenario->params[0], scenario->params[1]);
  fputs("</div>", out);
}

static void put_warnings(FILE *out, const sim_scenario *scenario) {
  if (!scenario->warnings || !*scenario->warnings) return;
  fputs("<h2>Warnings</h2><div class=\"card warn\"><ul>", out);
  for (char **warning = scenario->warnings; *warning; warning++) {
    fputs("<li>", out);
    put_text(out, *warning);
    fputs("</li>", out);
  }
  fputs("</ul></div>", out);
}

/* ---- tables ---- */

static void put_run(FILE *out, const sim_comparison *comparison, int index) {
  const sim_contender *contender = &comparison->list[index];
  const sim_result *result = &contender->result;
  const m4_accuracy *errors = &contender->errors;
  fprintf(out, "<tr><td><b>%s</b></td>", contender->name);
  put_cell(out, "%.0f", (double)result->n_finished);
  put_cell(out, "%.3g s", contender->from_file ? NAN : result->wall_seconds);
  put_cell(out, "%.3g",
           contender->from_file ? NAN : (double)result->events / fmax(result->wall_seconds, 1e-9));
  put_cell(out, "%.2f", contender->all.p50);
  put_cell(out, "%.2f", contender->all.p90);
  put_cell(out, "%.2f", contender->all.p99);
  if (contender->compared) {
    put_cell(out, "%.1f %%", 100 * errors->all.mean);
    put_cell(out, "%.1f %%", 100 * errors->all.p90);
    put_cell(out, "%.1f %%", 100 * errors->p99_tail);
    put_cell(out, "%+.1f %%", 100 * errors->all.signed_mean);
  } else if (comparison->truth >= 0) {
    fputs("<td class=truth colspan=4>the truth</td>", out);
  }
  fputs("</tr>", out);
}

static void put_runs(FILE *out, const sim_comparison *comparison) {
  fputs(
      "<h2>At a glance</h2><div class=card><table><tr><th>back end<th>flows finished<th>run time<th>events/s"
      "<th>slowdown p50<th>p90<th>p99",
      out);
  if (comparison->truth >= 0) fputs("<th>FCT error mean<th>p90<th>p99 tail<th>signed", out);
  fputs("</tr>", out);
  for (int i = 0; i < comparison->n; i++) put_run(out, comparison, i);
  fputs(
      "</table></div><p class=note>Slowdown: flow completion time over the time the flow would take alone. ",
      out);
  if (comparison->truth >= 0)
    fprintf(
        out,
        "Errors are measured flow by flow against <b>%s</b>; the tail error compares the 99th percentiles of "
        "slowdown. Two packet simulations whose flows start 1 ns apart differ by some percent per flow: no "
        "predictor can do better.",
        comparison->list[comparison->truth].name);
  fputs("</p>", out);
}

static void put_size_row(FILE *out, const sim_comparison *comparison, int bucket) {
  fputs("<tr><td>", out);
  put_text(out, m4_bucket_name(bucket));
  fputs("</td>", out);
  put_cell(out, "%.0f", (double)comparison->list[0].by_size[bucket].n_flows);
  for (int i = 0; i < comparison->n; i++) {
    const sim_contender *contender = &comparison->list[i];
    put_cell(out, "%.2f", contender->by_size[bucket].p50);
    put_cell(out, "%.2f", contender->by_size[bucket].p99);
    if (contender->compared) put_cell(out, "%.1f %%", 100 * contender->errors.by_size[bucket].mean);
  }
  fputs("</tr>", out);
}

static void put_sizes(FILE *out, const sim_comparison *comparison) {
  fputs("<h2>By flow size</h2><div class=card><table><tr><th>size<th>flows", out);
  for (int i = 0; i < comparison->n; i++) {
    const char *name = comparison->list[i].name;
    fprintf(out, "<th>%s p50<th>%s p99", name, name);
    if (comparison->list[i].compared) fprintf(out, "<th>%s error", name);
  }
  fputs("</tr>", out);
  for (int bucket = 0; bucket < M4_N_SIZE_BUCKETS; bucket++) put_size_row(out, comparison, bucket);
  fputs("</table></div>", out);
}

static void put_links(FILE *out, const sim_report_page *page) {
  const sim_utilisation *load = NULL;
  for (int i = page->comparison->n - 1; i >= 0; i--)
    if (page->loads[i].n_links > 0) load = &page->loads[i];
  if (!load) return;
  fprintf(out, "<h2>Busiest links</h2><div class=card><table><tr><th>link<th>rate<th>flows<th>MB<th>mean use"
               "<th>peak use</tr>");
  for (int32_t i = 0; i < load->n_links && i < LISTED_LINKS; i++) {
    const sim_link_load *link = &load->links[i];
    const sim_link *ends = &page->comparison->scenario->topology->links[link->link];
    fprintf(out, "<tr><td>%d &rarr; %d</td>", ends->from, ends->to);
    put_cell(out, "%.4g Gbit/s", (double)ends->rate_bps * 1e-9);
    put_cell(out, "%.0f", (double)link->flows);
    put_cell(out, "%.4g", link->wire_bytes * 1e-6);
    put_cell(out, "%.1f %%", 100 * link->mean);
    put_cell(out, "%.1f %%", 100 * link->peak);
    fputs("</tr>", out);
  }
  fputs("</table></div><p class=note>As in the first back end&rsquo;s run, in 200 equal steps of time; each "
        "flow is "
        "taken to load its path evenly while it lasts. All links are in links_*.csv, their series in "
        "utilisation_*.csv.</p>",
        out);
}

/* ---- figures ---- */

/* The drawing without its XML head. */
static m4_status put_svg(FILE *out, const char *dir, const char *name, m4_error *err) {
  char file[128], path[MAX_PATH_BYTES], *text;
  size_t length;
  snprintf(file, sizeof file, "%s.svg", name);
  M4_TRY(m4_path_join(path, sizeof path, dir, file, err));
  M4_TRY(m4_file_read(path, MAX_SVG_BYTES, &text, &length, err));
  const char *drawing = strstr(text, "<svg");
  if (drawing) fputs(drawing, out);
  free(text);
  return drawing ? M4_OK : m4_fail(err, M4_IO, path, "gnuplot left no drawing");
}

static m4_status put_figures(FILE *out, const sim_report_page *page, m4_error *err) {
  fputs("<h2>Figures</h2>", out);
  if (!page->figures->drawn) {
    fprintf(out, "<p class=note>%s: see figures/*.csv.</p>", m4_plot_missing());
    return M4_OK;
  }
  fputs("<div class=grid>", out);
  for (int i = 0; i < page->figures->n; i++) {
    fprintf(out, "<figure><figcaption>%s</figcaption>", page->figures->list[i].caption);
    M4_TRY(put_svg(out, page->figures_dir, page->figures->list[i].name, err));
    fputs("</figure>", out);
  }
  fputs("</div>", out);
  return M4_OK;
}

/* ---- the page ---- */

m4_status sim_report_html(FILE *out, const sim_report_page *page, m4_error *err) {
  const sim_comparison *comparison = page->comparison;
  fputs("<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport "
        "content=\"width=device-width,initial-scale=1\"><title>m4-sim: ",
        out);
  put_text(out, comparison->scenario->name);
  fprintf(out, "</title><style>%s</style></head><body><main><header><h1>", STYLE);
  put_text(out, comparison->scenario->name);
  fputs("</h1><p>Flow completion times by ", out);
  for (int i = 0; i < comparison->n; i++) fprintf(out, "%s%s", i ? ", " : "", comparison->list[i].name);
  fprintf(out, "; m4-sim %s</p></header>", M4_VERSION);
  put_facts(out, comparison->scenario);
  put_runs(out, comparison);
  put_sizes(out, comparison);
  M4_TRY(put_figures(out, page, err));
  put_links(out, page);
  put_warnings(out, comparison->scenario);
  fputs("</main></body></html>\n", out);
  return M4_OK;
}
