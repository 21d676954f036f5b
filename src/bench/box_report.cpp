// What a report says of the box, of the stages of its requests, and of earlier runs.
#include <algorithm>
#include <array>

#include "bench/chart.hpp"
#include "bench/shown.hpp"
#include "corral/bench/diagnosis.hpp"

namespace corral::bench {

namespace {

// "27 % (0 to 78)"
std::string range_text(const track& of) {
    const figure_kind& kind = kind_of(of.what());
    return fixed(of.mean(), kind.decimals) + " " + kind.unit + " (" + fixed(of.least(), kind.decimals) +
           " to " + fixed(of.most(), kind.decimals) + ")";
}

std::string row_name(const track& of) {
    return on_one_line(of.of()) + ": " + kind_of(of.what()).title;
}

// A table with a head, its cells as they are to be shown.
struct table {
    std::vector<std::string> head;
    std::vector<std::vector<std::string>> rows;
};

std::string line_of(const std::vector<std::string>& cells) {
    std::string out = "|";
    for (const std::string& cell : cells) {
        out += " " + cell + " |";
    }
    return out + "\n";
}

std::string markdown_of(const table& of) {
    std::string out = line_of(of.head) + "|";
    for (std::size_t i = 0; i < of.head.size(); ++i) {
        out += "---|";
    }
    out += "\n";
    for (const std::vector<std::string>& row : of.rows) {
        out += line_of(row);
    }
    return out + "\n";
}

std::string html_of(const table& of) {
    std::string out = "<div class=\"scroll\"><table>\n<tr>";
    for (const std::string& cell : of.head) {
        out += "<th>" + html_text(cell) + "</th>";
    }
    out += "</tr>\n";
    for (const std::vector<std::string>& row : of.rows) {
        out += "<tr><td>" + html_text(row.front()) + "</td>";
        for (std::size_t i = 1; i < row.size(); ++i) {
            out += "<td data-name=\"" + html_text(of.head[i]) + "\">" + html_text(row[i]) + "</td>";
        }
        out += "</tr>\n";
    }
    return out + "</table></div>\n";
}

table box_table(const box_watch& watch) {
    table out{{"Of", "mean", "min", "max", "looks"}, {}};
    for (const track& one : watch.tracks) {
        const figure_kind& kind = kind_of(one.what());
        out.rows.push_back({row_name(one) + ", " + kind.unit, fixed(one.mean(), kind.decimals),
                            fixed(one.least(), kind.decimals), fixed(one.most(), kind.decimals),
                            std::to_string(one.looks())});
    }
    return out;
}

std::string health_text(const box_watch& watch) {
    std::string out;
    for (const std::string& word : watch.health) {
        out += (out.empty() ? "" : ", ") + on_one_line(word);
    }
    return out;
}

std::string ms(const std::optional<double>& value) {
    return value ? fixed(*value, 1) : std::string("–");
}

struct staged {
    std::int64_t input = 0;
    std::string title;
    stage_spans spans;
};

// The shortest prompt first, so that what grows with it is seen.
std::vector<staged> staged_tests(const run_record& run) {
    std::vector<staged> out;
    for (const test_result& one : run.results) {
        if (one.seen.how == ending::success && one.seen.stages) {
            out.push_back({one.seen.input_tokens.value_or(0), on_one_line(one.test.title), *one.seen.stages});
        }
    }
    std::ranges::stable_sort(out, {}, &staged::input);
    return out;
}

table stages_table(const run_record& run, const stage_spans& all) {
    table out{{"Test", "in, tokens"}, {}};
    std::vector<stage_name> known = stage_names();
    std::erase_if(known, [&](const stage_name& each) { return !(all.*each.span); });
    for (const stage_name& each : known) {
        out.head.emplace_back(each.key);
    }
    for (const staged& one : staged_tests(run)) {
        std::vector<std::string> row{one.title, std::to_string(one.input)};
        for (const stage_name& each : known) {
            row.push_back(ms(one.spans.*each.span));
        }
        out.rows.push_back(std::move(row));
    }
    std::vector<std::string> shares{"Share of all", "–"};
    const double whole = all.sum();
    for (const stage_name& each : known) {
        const auto& span = all.*each.span;
        shares.push_back(span && whole > 0 ? fixed(100 * *span / whole, 1) + " %" : std::string("–"));
    }
    out.rows.push_back(std::move(shares));
    return out;
}

constexpr const char* stages_note =
    "In ms by the server's own clocks, the shortest prompt first. Tokenise and detokenise are the calls of "
    "the tokenizer; prefill and decode are without them. What the server does not report is left out, or –.";

table history_table(const run_record& run) {
    std::vector<kept_run> all = run.history;
    all.push_back(kept_of(run));
    table out{{"Run", "tok/s", "change", "first token, ms", "load, %", "max °C", "tests", "changed"}, {}};
    for (std::size_t i = 0; i < all.size(); ++i) {
        const kept_run& now = all[i];
        const auto known = [](const std::optional<double>& value, int decimals) {
            return value ? fixed(*value, decimals) : std::string("–");
        };
        const std::string change = i == 0 ? "" : speed_change(all[i - 1].speed, now.speed);
        const std::string changed = i == 0 ? "" : changes_between(all[i - 1], now);
        out.rows.push_back({now.generated.substr(0, 16), known(now.speed, 2), change.empty() ? "–" : change,
                            known(now.first_ms, 0), known(now.load_percent, 0), known(now.temperature_c, 0),
                            std::to_string(now.successes) + "/" + std::to_string(now.tests),
                            changed.empty() ? "–" : on_one_line(changed)});
    }
    return out;
}

// One chart for each figure of the cards, on the clock of the run.
std::string box_charts(const box_watch& watch) {
    std::string out;
    for (const figure what : {figure::load, figure::temperature, figure::power, figure::memory}) {
        const figure_kind& kind = kind_of(what);
        chart one{std::string(kind.title) + " during the run", "time, s", kind.unit, {}, {}};
        for (const track& each : watch.tracks) {
            if (each.what() == what) {
                one.series.push_back(
                    {on_one_line(each.of()), one.series.size() % 2 == 0 ? "a" : "b", each.curve()});
            }
        }
        out += svg_of(one);
    }
    return out.empty() ? out : "<div class=\"charts\">\n" + out + "</div>\n";
}

}  // namespace

// What the card's tool saw is what is in use there; what a server lists is mostly the size of the model's files.
std::string memory_text(const run_record& run, const totals& all) {
    const box_watch watch = watch_of(run);
    std::string out = all.memory_mb ? "~" + fixed(all.memory_mb->average, 0) + " MB" : "not known";
    if (const track* const card = watch.busiest(figure::memory)) {
        out = "~" + fixed(card->mean(), 0) + " MB on " + on_one_line(card->of());
    }
    double resident = 0;
    for (const track& one : watch.tracks) {
        resident += one.what() == figure::resident ? one.mean() : 0;
    }
    return resident > 0 ? out + ", services " + fixed(resident, 0) + " MB resident" : out;
}

std::string box_markdown(const run_record& run) {
    const box_watch watch = watch_of(run);
    if (watch.empty()) {
        return run.unwatched.empty()
                   ? std::string()
                   : "## 🔌 Resource Utilization\n\nNot known: " + on_one_line(run.unwatched) + ".\n\n";
    }
    std::string out = "## 🔌 Resource Utilization\n\n" + markdown_of(box_table(watch));
    if (!watch.health.empty()) {
        out += "- ⚠️ **Health:** " + health_text(watch) + "\n\n";
    }
    return out + "Looked at about once a second during the tests; load is of the busiest core.\n\n";
}

std::string box_rows_markdown(const measurement& seen) {
    std::string out;
    for (const track& one : seen.box.tracks) {
        out += "| " + row_name(one) + " | " + range_text(one) + " |\n";
    }
    if (seen.stages) {
        std::string stages;
        for (const stage_name& each : stage_names()) {
            if (const auto& span = (*seen.stages).*each.span) {
                stages += (stages.empty() ? "" : ", ") + std::string(each.key) + " " + fixed(*span, 1);
            }
        }
        out += "| Stages (ms) | " + stages + " |\n";
    }
    return out;
}

std::string stages_markdown(const run_record& run) {
    const std::optional<stage_spans> all = stages_of(run);
    return all ? "## ⏱️ Stages by Prompt Length\n\n" + markdown_of(stages_table(run, *all)) +
                     stages_note + "\n\n"
               : std::string();
}

std::string history_markdown(const run_record& run) {
    return run.history.empty() ? std::string() : "## 📈 Earlier Runs\n\n" + markdown_of(history_table(run));
}

std::string box_html(const run_record& run) {
    const box_watch watch = watch_of(run);
    if (watch.empty()) {
        return run.unwatched.empty() ? std::string()
                                     : "<h2>The box during the tests</h2>\n<p class=\"dim\">Not known: " +
                                           html_text(on_one_line(run.unwatched)) + ".</p>\n";
    }
    std::string out = "<h2>The box during the tests</h2>\n" + html_of(box_table(watch));
    if (!watch.health.empty()) {
        out += "<p class=\"bad\">Health: " + html_text(health_text(watch)) + "</p>\n";
    }
    return out + box_charts(watch) +
           "<p class=\"dim\">Looked at about once a second; load is of the busiest core.</p>\n";
}

std::string stages_html(const run_record& run) {
    const std::optional<stage_spans> all = stages_of(run);
    return all ? "<h2>Stages by prompt length</h2>\n" + html_of(stages_table(run, *all)) +
                     "<p class=\"dim\">" + html_text(stages_note) + "</p>\n"
               : std::string();
}

std::string history_html(const run_record& run) {
    if (run.history.empty()) {
        return {};
    }
    chart speed{"Speed of each run, the oldest first", "run", "tok/s", {{"median", "a", {}}}, {}};
    const auto point = [&](const kept_run& one) {
        if (one.speed) {
            speed.series[0].points.emplace_back(static_cast<double>(speed.series[0].points.size() + 1),
                                                *one.speed);
        }
    };
    std::ranges::for_each(run.history, point);
    point(kept_of(run));
    return "<h2>Earlier runs</h2>\n<div class=\"charts\">\n" + svg_of(speed) + "</div>\n" +
           html_of(history_table(run));
}

}  // namespace corral::bench
