#include <algorithm>
#include <array>

#include "bench/shown.hpp"
#include "corral/bench/diagnosis.hpp"
#include "corral/bench/report.hpp"

namespace corral::bench {

namespace {

constexpr std::size_t name_width = 25;
constexpr std::size_t figure_width = 11;

std::string padded(const std::string& text, std::size_t width) {
    return text.size() < width ? text + std::string(width - text.size(), ' ') : text;
}

std::string right(const std::string& text, std::size_t width) {
    return text.size() < width ? std::string(width - text.size(), ' ') + text : " " + text;
}

// The name of a row, and its four figures beside it; below it where the terminal is too narrow for both.
std::string row(const std::string& name, const std::array<std::string, 4>& figures, std::size_t columns) {
    const bool beside = columns >= name_width + figures.size() * figure_width;
    const std::size_t wide = beside ? figure_width : std::max<std::size_t>(columns / figures.size(), 5);
    std::string out = beside ? padded(name, name_width) : name.empty() ? name : name + "\n";
    for (const std::string& figure : figures) {
        out += right(figure, wide);
    }
    return out + "\n";
}

std::string figure_row(const char* name, const std::optional<spread>& of, int decimals, std::size_t columns) {
    return of ? row(name,
                    {fixed(of->median, decimals), fixed(of->p90, decimals), fixed(of->p99, decimals),
                     fixed(of->deviation, decimals)},
                    columns)
              : std::string();
}

// Each reason once, with the tests that have it.
std::string reasons(const run_record& run, std::size_t columns) {
    constexpr std::size_t most = 4;
    std::vector<std::pair<std::string, std::string>> found;
    for (const test_result& one : run.results) {
        const bool failed = one.seen.how != ending::success && one.seen.how != ending::interrupted;
        const std::string why = on_one_line(one.seen.reason);
        const auto at = std::ranges::find(found, why, [](const auto& each) { return each.first; });
        const std::string title = on_one_line(one.test.title);
        if (failed && at == found.end()) {
            found.emplace_back(why, title);
        } else if (failed && at->second.find(title) == std::string::npos) {
            at->second += ", " + title;
        }
    }
    std::string out;
    for (std::size_t i = 0; i < std::min(found.size(), most); ++i) {
        out += wrapped(found[i].second + ": " + found[i].first, columns);
    }
    if (found.size() > most) {
        out += "and " + std::to_string(found.size() - most) + " other reasons: the report has them\n";
    }
    return out;
}

}  // namespace

std::string wrapped(const std::string& text, std::size_t columns) {
    std::string out;
    std::string rest = text;
    while (rest.size() > columns) {
        std::size_t end = rest.rfind(' ', columns);
        if (end == std::string::npos || end <= 2) {
            break;
        }
        out += rest.substr(0, end) + "\n";
        rest = "  " + rest.substr(end + 1);
    }
    return out + rest + "\n";
}

std::string hardware_text(const run_record& run) {
    const std::string kernel = on_one_line(run.facts.kernel);
    const std::string box = on_one_line(run.hardware);
    return box + (kernel.empty() ? "" : (box.empty() ? "kernel " : ", kernel ") + kernel);
}

std::string facts_text(const run_record& run) {
    const server_facts& facts = run.facts;
    std::string out = facts.corral.empty() ? run.server.empty() ? "" : "Ollama's format " + run.server
                                           : "Corral " + facts.corral;
    const auto add = [&](const char* name, const std::string& text) {
        if (!text.empty()) {
            out += (out.empty() ? "" : ", ") + std::string(name) + on_one_line(text);
        }
    };
    add(facts.corral.empty() ? "format " : "profile ", facts.profile);
    add("", facts.parameters);
    add("", facts.quantization);
    add("package ", facts.package);
    add("driver ", facts.driver);
    add("", facts.counts);
    return out.empty() ? "not reported" : out;
}

namespace {

// "card 0 AX650N: 27 % busy (0 to 78), 52 °C at most", and where the time went.
std::string box_lines(const run_record& run, std::size_t columns) {
    const box_watch watch = watch_of(run);
    std::string out;
    for (const track& one : watch.tracks) {
        const bool busy = one.what() == figure::load;
        if (busy || one.what() == figure::temperature) {
            out += (out.empty() ? "" : ", ") + on_one_line(one.of()) + " " + fixed(one.mean(), 0) +
                   (busy ? " % busy (" : " °C (") + fixed(one.least(), 0) + " to " + fixed(one.most(), 0) +
                   ")";
        }
    }
    out = out.empty() ? out : wrapped(out, columns);
    const std::optional<stage_spans> spans = stages_of(run);
    if (spans && spans->sum() > 0) {
        std::string stages;
        for (const stage_name& each : stage_names()) {
            const double share = 100 * ((*spans).*each.span).value_or(0) / spans->sum();
            if (share >= 0.05) {
                stages += (stages.empty() ? "" : ", ") + std::string(each.key) + " " + fixed(share, 1) + " %";
            }
        }
        out += wrapped("time: " + stages, columns);
    }
    for (const std::string& text : diagnoses(run)) {
        out += wrapped(text, columns);
    }
    return out;
}

}  // namespace

std::string successes_text(const totals& all) {
    std::string out = std::to_string(all.successes) + " of " + std::to_string(all.tests) +
                      (all.tests == 1 ? " test as asked" : " tests as asked");
    if (all.unable > 0) {
        out += ", " + std::to_string(all.unable) + " that the model can't do";
    }
    return out;
}

std::string summary(const run_record& run, std::size_t columns) {
    const totals all = total_up(run);
    std::string out = wrapped(on_one_line(run.model) + " at " + on_one_line(run.url), columns);
    out += wrapped("  " + facts_text(run), columns);
    if (!run.hardware.empty()) {
        out += wrapped("  " + on_one_line(run.hardware), columns);
    }
    out +=
        wrapped(successes_text(all) + ", " + fixed(run.duration_s, 1) + " s" +
                    (run.concurrency > 1 ? ", " + std::to_string(run.concurrency) + " clients at once" : ""),
                columns);
    out += reasons(run, columns);
    if (all.successes == 0) {
        return out;
    }
    return out + row("", {"p50", "p90", "p99", "spread"}, columns) +
           figure_row("speed, tok/s", all.speed, 2, columns) +
           (run.concurrency > 1 ? figure_row("all clients, tok/s", all.throughput, 2, columns) : "") +
           figure_row("first token, client, ms", all.client_first, 1, columns) +
           figure_row("first token, server, ms", all.runtime_first, 1, columns) +
           figure_row("gap of pieces, client, ms", all.gap, 1, columns) + box_lines(run, columns);
}

}  // namespace corral::bench
