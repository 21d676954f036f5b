#include <utility>

#include "bench/chart.hpp"
#include "bench/shown.hpp"
#include "corral/bench/diagnosis.hpp"
#include "corral/bench/report.hpp"

namespace corral::bench {

namespace {

// Nothing may be loaded or run, whatever a model wrote.
constexpr const char* head = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
)";

constexpr const char* style = R"(<style>
:root { color-scheme: light dark; --ink: #1c2430; --dim: #5b6675; --page: #fff; --card: #f4f6f9;
  --line: #d5dbe3; --a: #0b62c4; --b: #c2570c; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --dim: #9aa6b5; --page: #12161c;
  --card: #1c222b; --line: #333c48; --a: #6cb0ff; --b: #ffa25e; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1100px; padding: 1.2rem; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .3rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .6rem; }
p { margin: .3rem 0; } .dim { color: var(--dim); } .bad { color: var(--bad); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: .7rem;
  margin: 1.2rem 0; }
.tile { background: var(--card); border-radius: 10px; padding: .7rem .9rem; }
.tile b { display: block; font-size: 1.5rem; line-height: 1.2; } .tile span { color: var(--dim); font-size: .9rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 420px), 1fr)); gap: 1rem; }
figure { margin: 0; background: var(--card); border-radius: 10px; padding: .8rem; }
figcaption { font-weight: 600; } svg { width: 100%; height: auto; display: block; }
svg text { fill: var(--dim); font: 16px system-ui, sans-serif; }
.grid { stroke: var(--line); } .fit { stroke: var(--dim); stroke-width: 2; stroke-dasharray: 6 5; }
.a circle { fill: var(--a); fill-opacity: .75; } .b circle { fill: var(--b); fill-opacity: .75; }
.legend { color: var(--dim); font-size: .9rem; }
.key { display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin: 0 .35em 0 .6em; }
.key.a { background: var(--a); } .key.b { background: var(--b); }
.scroll { overflow-x: auto; } table { border-collapse: separate; border-spacing: 0; width: 100%; overflow-wrap: normal; }
th, td { padding: .4rem .6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { color: var(--dim); font-weight: 600; } th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 9rem; }
th:first-child, td:first-child { position: sticky; left: 0; background: var(--page); }
@media (max-width: 500px) { svg text { font-size: 25px; } table, tbody { display: block; } tr:first-child { display: none; }
  tr { display: grid; grid-template-columns: repeat(3, 1fr); padding: .5rem 0; border-bottom: 1px solid var(--line); }
  td { border: 0; padding: .1rem 0; text-align: left; white-space: normal; }
  td:first-child { grid-column: 1 / -1; position: static; font-weight: 600; }
  td[data-name]::before { content: attr(data-name); display: block; color: var(--dim); font-size: .8rem; } }
details { border-bottom: 1px solid var(--line); padding: .5rem 0; } summary { cursor: pointer; }
pre { white-space: pre-wrap; background: var(--card); border-radius: 8px; padding: .7rem; margin: .4rem 0;
  font: 14px/1.45 ui-monospace, monospace; }
</style>
)";

std::string line_text(std::string_view text) {
    return html_text(on_one_line(text));
}

std::string tile(const std::string& value, const std::string& name) {
    return "<div class=\"tile\"><b>" + value + "</b><span>" + name + "</span></div>\n";
}

std::string tiles(const run_record& run, const totals& all) {
    std::string out = "<div class=\"tiles\">\n" +
                      tile(std::to_string(all.successes) + "/" + std::to_string(all.tests), "tests as asked");
    if (all.speed) {
        out += tile(fixed(all.speed->median, 2), "tok/s, median");
    }
    if (all.client_first) {
        out += tile(fixed(all.client_first->median, 0) + " ms", "first token at the client, median");
    }
    if (all.gap) {
        out += tile(fixed(all.gap->p99, 0) + " ms", "gap between pieces, p99");
    }
    if (all.throughput && run.concurrency > 1) {
        out += tile(fixed(all.throughput->median, 2), "tok/s of all clients");
    }
    return out + "</div>\n";
}

// On a phone, where a row is a small block, a cell bears the name of its column.
std::string named_cell(const char* name, const std::string& text) {
    return std::string("<td data-name=\"") + name + "\">" + text + "</td>";
}

std::string spread_row(const char* name, const std::optional<spread>& of) {
    if (!of) {
        return {};
    }
    std::string out = std::string("<tr><td>") + name + "</td>";
    for (const auto& [title, value] :
         {std::pair{"p50", of->median}, std::pair{"p90", of->p90}, std::pair{"p99", of->p99},
          std::pair{"min", of->least}, std::pair{"max", of->most}, std::pair{"spread ±", of->deviation}}) {
        out += named_cell(title, fixed(value, 2));
    }
    return out + "</tr>\n";
}

std::string figures(const run_record& run, const totals& all) {
    return "<h2>Figures</h2>\n<div class=\"scroll\"><table>\n<tr><th></th><th>p50</th><th>p90</th><th>p99"
           "</th><th>min</th><th>max</th><th>spread ±</th></tr>\n" +
           spread_row("Speed, tok/s", all.speed) + spread_row("Whole request, tok/s", all.end_to_end) +
           (run.concurrency > 1 ? spread_row("All clients together, tok/s", all.throughput) : std::string()) +
           spread_row("First token at the client, ms", all.client_first) +
           spread_row("First token by the server, ms", all.runtime_first) +
           spread_row("Gap between pieces at the client, ms", all.gap) +
           "</table></div>\n<p class=\"dim\">Of the tests that did what they ask. Speed is without the time "
           "to the first token, by the " +
           (all.by_runtime ? "server's" : "client's") +
           " clock. p90 and p99 are measured values (nearest rank); spread is the standard deviation.</p>\n";
}

std::string charts(const run_record& run, const totals& all) {
    chart speed{"Speed over prompt length", "prompt, tokens", "tok/s", {{"speed", "a", {}}}, {}};
    chart first{"Time to the first token over prompt length",
                "prompt, tokens",
                "ms",
                {{"at the client", "a", {}}, {"by the server", "b", {}}},
                all.fit};
    for (const test_result& one : run.results) {
        if (one.seen.how != ending::success || !one.seen.input_tokens) {
            continue;
        }
        const auto tokens = static_cast<double>(*one.seen.input_tokens);
        if (const auto value = decode_speed(one.seen)) {
            speed.series[0].points.emplace_back(tokens, *value);
        }
        if (const auto value = client_first_ms(one.seen)) {
            first.series[0].points.emplace_back(tokens, *value);
        }
        if (one.seen.prefill_s) {
            first.series[1].points.emplace_back(tokens, 1000 * *one.seen.prefill_s);
        }
    }
    const std::string both = svg_of(speed) + svg_of(first);
    return both.empty() ? both : "<h2>Over prompt length</h2>\n<div class=\"charts\">\n" + both + "</div>\n";
}

std::string outcome(const measurement& seen) {
    switch (seen.how) {
        case ending::success:
            return "as asked";
        case ending::unable:
            return "can't";
        case ending::wrong:
            return "<span class=\"bad\">not as asked</span>";
        case ending::timed_out:
            return "<span class=\"bad\">timed out</span>";
        case ending::interrupted:
            return "interrupted";
        case ending::failed:
            break;
    }
    return "<span class=\"bad\">failed</span>";
}

std::string cell(const char* name, const std::optional<double>& value, int decimals) {
    return named_cell(name, value ? fixed(*value, decimals) : std::string("–"));
}

std::string count_cell(const char* name, const std::optional<std::int64_t>& value) {
    return named_cell(name, value ? with_commas(*value) : std::string("–"));
}

std::string title_of(const run_record& run, const test_result& one) {
    return line_text(one.test.title) + (one.repetition > 1 ? " #" + std::to_string(one.repetition) : "") +
           (run.concurrency > 1 ? ", client " + std::to_string(one.client) : "");
}

std::string tests(const run_record& run) {
    std::string out =
        "<h2>Tests</h2>\n<div class=\"scroll\"><table>\n<tr><th>Test</th><th>outcome</th>"
        "<th>in</th><th>out</th><th>tok/s</th><th>first, client ms</th><th>first, server "
        "ms</th><th>gap p99 ms</th><th>whole s</th></tr>\n";
    for (const test_result& one : run.results) {
        const measurement& seen = one.seen;
        const bool good = seen.how == ending::success || seen.how == ending::wrong;
        const auto gap = spread_of(gaps_ms(seen));
        out += "<tr><td>" + title_of(run, one) + "</td>" + named_cell("outcome", outcome(seen)) +
               count_cell("in", seen.input_tokens) + count_cell("out", seen.output_tokens) +
               cell("tok/s", good ? decode_speed(seen) : std::nullopt, 2) +
               cell("first, client ms", good ? client_first_ms(seen) : std::nullopt, 0) +
               cell("first, server ms",
                    good && seen.prefill_s ? std::optional(1000 * *seen.prefill_s) : std::nullopt, 0) +
               cell("gap p99 ms", good && gap ? std::optional(gap->p99) : std::nullopt, 0) +
               cell("whole s", seen.total_s, 2) + "</tr>\n";
    }
    return out + "</table></div>\n";
}

std::string answers(const run_record& run) {
    std::string out = "<h2>Prompts and answers</h2>\n";
    for (const test_result& one : run.results) {
        out += "<details><summary>" + title_of(run, one) + " – " + outcome(one.seen) + "</summary>\n";
        if (!one.seen.reason.empty()) {
            out += "<p class=\"bad\">" + line_text(one.seen.reason) + "</p>\n";
        }
        for (const prompt_message& message : one.test.messages) {
            out += "<p class=\"dim\">" + html_text(message.role) + "</p><pre>" + html_text(message.content) +
                   "</pre>\n";
        }
        if (!one.seen.thinking.empty()) {
            out += "<p class=\"dim\">thoughts</p><pre>" + html_text(one.seen.thinking) + "</pre>\n";
        }
        if (!one.seen.text.empty()) {
            out += "<p class=\"dim\">answer</p><pre>" + html_text(one.seen.text) + "</pre>\n";
        }
        out += "</details>\n";
    }
    return out;
}

}  // namespace

std::string html_report(const run_record& run) {
    const totals all = total_up(run);
    const std::string model = line_text(run.model);
    std::string out = std::string(head) + "<title>" + model + " – corral bench</title>\n" + style +
                      "</head>\n<body>\n<h1>" + model + "</h1>\n<p>" + line_text(facts_text(run)) + "</p>\n";
    if (const std::string hardware = hardware_text(run); !hardware.empty()) {
        out += "<p>" + html_text(hardware) + "</p>\n";
    }
    const std::string settings = settings_text(run);
    out += "<p>Memory " + line_text(memory_text(run, all)) + (settings.empty() ? "" : "; " + settings) +
           "</p>\n<p class=\"dim\">" + line_text(run.url) + ", set " + line_text(run.set) + ", " +
           line_text(run.generated) + ", " + fixed(run.duration_s, 1) +
           " s, clients at once: " + std::to_string(run.concurrency) + "</p>\n";
    if (run.interrupted) {
        out += "<p class=\"bad\">Interrupted after " + std::to_string(all.tests) + " of " +
               std::to_string(run.planned) + " tests.</p>\n";
    }
    out += tiles(run, all);
    for (const std::string& text : diagnoses(run)) {
        out += "<p class=\"bad\">" + html_text(text) + "</p>\n";
    }
    return out + charts(run, all) + figures(run, all) + box_html(run) + stages_html(run) + history_html(run) +
           tests(run) + answers(run) + "</body>\n</html>\n";
}

}  // namespace corral::bench
