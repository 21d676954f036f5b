#include "corral/bench/history.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "bench/history_json.hpp"
#include "bench/shown.hpp"
#include "corral/bench/diagnosis.hpp"
#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"

namespace corral::bench {

namespace {

using json = nlohmann::ordered_json;

struct text_field {
    const char* key;
    const char* title;  // among what changed; null: it decides which runs can be compared
    std::string kept_run::*text;
};

constexpr std::array text_fields{text_field{"generated", nullptr, &kept_run::generated},
                                 text_field{"model", nullptr, &kept_run::model},
                                 text_field{"url", nullptr, &kept_run::url},
                                 text_field{"set", nullptr, &kept_run::set},
                                 text_field{"driver", "driver", &kept_run::driver},
                                 text_field{"package", "package", &kept_run::package},
                                 text_field{"digest", "digest", &kept_run::digest},
                                 text_field{"corral", "Corral", &kept_run::corral},
                                 text_field{"server", "server", &kept_run::server},
                                 text_field{"profile", "profile", &kept_run::profile},
                                 text_field{"kernel", "kernel", &kept_run::kernel},
                                 text_field{"hardware", "hardware", &kept_run::hardware}};

struct number_field {
    const char* key;
    std::optional<double> kept_run::*value;
};

constexpr std::array number_fields{number_field{"tokens_per_second", &kept_run::speed},
                                   number_field{"client_first_piece_ms", &kept_run::first_ms},
                                   number_field{"load_percent", &kept_run::load_percent},
                                   number_field{"temperature_c", &kept_run::temperature_c}};

constexpr std::size_t most_runs = 1000;
constexpr std::size_t most_bytes = 900'000;

std::string line_of(const kept_run& of) {
    return kept_json(of).dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

// A digest is told apart by its first letters.
std::string shortened(const std::string& text) {
    constexpr std::size_t most = 60;
    const std::string line = on_one_line(text);
    const bool digest = line.size() >= 64 && line.find(' ') == std::string::npos;
    return digest ? line.substr(0, 19) : line.substr(0, most);
}

void drop_oldest(std::vector<kept_run>& runs) {
    std::map<std::string, std::size_t> counts;
    for (const kept_run& one : runs) {
        ++counts[one.model];
    }
    const auto most =
        std::ranges::max_element(counts, {}, &std::pair<const std::string, std::size_t>::second);
    runs.erase(std::ranges::find(runs, most->first, &kept_run::model));
}

bool is_like(const kept_run& one, const kept_run& other) {
    return one.model == other.model && one.url == other.url && one.set == other.set &&
           one.concurrency == other.concurrency;
}

std::string padded(const std::string& text, std::size_t width) {
    return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

std::string known(const std::optional<double>& value, int decimals) {
    return value ? fixed(*value, decimals) : "-";
}

std::string group_text(const std::vector<kept_run>& runs, std::size_t columns) {
    const kept_run& first = runs.front();
    std::string out = on_one_line(first.model) + " at " + on_one_line(first.url) + ", set " +
                      on_one_line(first.set) +
                      (first.concurrency > 1 ? ", " + std::to_string(first.concurrency) + " clients" : "") +
                      "\n  when                 tok/s  change  first ms    load   °C  tests\n";
    for (std::size_t i = 0; i < runs.size(); ++i) {
        const kept_run& now = runs[i];
        const std::string change = i == 0 ? "" : speed_change(runs[i - 1].speed, now.speed);
        out += "  " + now.generated.substr(0, 16) + padded(known(now.speed, 2), 10) + padded(change, 8) +
               padded(known(now.first_ms, 0), 10) +
               padded(now.load_percent ? fixed(*now.load_percent, 0) + " %" : "-", 8) +
               padded(known(now.temperature_c, 0), 5) +
               padded(std::to_string(now.successes) + "/" + std::to_string(now.tests), 7) + "\n";
        const std::string changed = i == 0 ? std::string() : changes_between(runs[i - 1], now);
        if (!changed.empty()) {
            out += wrapped("    changed: " + changed, columns);
        }
    }
    return out;
}

}  // namespace

json kept_json(const kept_run& of) {
    json out;
    for (const text_field& each : text_fields) {
        out[each.key] = of.*each.text;
    }
    for (const number_field& each : number_fields) {
        out[each.key] = of.*each.value ? json(*(of.*each.value)) : json(nullptr);
    }
    out["concurrency"] = of.concurrency;
    out["tests"] = of.tests;
    out["successes"] = of.successes;
    return out;
}

kept_run kept_from(const json& object) {
    kept_run out;
    for (const text_field& each : text_fields) {
        out.*each.text = on_one_line(core::text_at(object, each.key));
    }
    for (const number_field& each : number_fields) {
        out.*each.value = core::number_at<double>(object, each.key);
    }
    out.concurrency = core::number_at<unsigned>(object, "concurrency").value_or(1);
    out.tests = core::number_at<std::size_t>(object, "tests").value_or(0);
    out.successes = core::number_at<std::size_t>(object, "successes").value_or(0);
    return out;
}

kept_run kept_of(const run_record& run) {
    const totals all = total_up(run);
    const box_watch watch = watch_of(run);
    kept_run out;
    out.generated = run.generated;
    out.model = on_one_line(run.model);
    out.url = on_one_line(run.url);
    out.set = on_one_line(run.set);
    out.concurrency = run.concurrency;
    out.tests = all.tests;
    out.successes = all.successes;
    out.corral = run.facts.corral;
    out.server = run.facts.corral.empty() ? run.server : std::string();
    out.profile = run.facts.profile;
    out.package = run.facts.package;
    out.digest = run.facts.digest;
    out.driver = run.facts.driver;
    out.kernel = run.facts.kernel;
    out.hardware = on_one_line(run.hardware);
    if (all.speed) {
        out.speed = all.speed->median;
    }
    if (all.client_first) {
        out.first_ms = all.client_first->median;
    }
    if (const track* const load = watch.busiest(figure::load)) {
        out.load_percent = load->mean();
    }
    if (const track* const heat = watch.busiest(figure::temperature)) {
        out.temperature_c = heat->most();
    }
    return out;
}

std::string history_lines(const std::vector<kept_run>& runs) {
    std::string out;
    for (const kept_run& one : runs) {
        out += line_of(one);
    }
    return out;
}

std::vector<kept_run> read_history(std::string_view lines) {
    std::vector<kept_run> out;
    while (!lines.empty() && out.size() < most_runs) {
        const std::size_t end = lines.find('\n');
        const json read = core::parse_json<json>(lines.substr(0, end));
        if (!core::text_at(read, "model").empty()) {
            out.push_back(kept_from(read));
        }
        lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
    }
    return out;
}

std::vector<kept_run> with_run(std::vector<kept_run> runs, kept_run fresh) {
    runs.push_back(std::move(fresh));
    while (runs.size() > 1 && (runs.size() > most_runs || history_lines(runs).size() > most_bytes)) {
        drop_oldest(runs);
    }
    return runs;
}

std::vector<kept_run> comparable(const std::vector<kept_run>& runs, const kept_run& like, std::size_t most) {
    std::vector<kept_run> out;
    std::ranges::copy_if(runs, std::back_inserter(out),
                         [&](const kept_run& one) { return is_like(one, like); });
    out.erase(out.begin(), out.end() - static_cast<std::ptrdiff_t>(std::min(most, out.size())));
    return out;
}

std::string changes_between(const kept_run& before, const kept_run& after) {
    std::string out;
    for (const text_field& each : text_fields) {
        const std::string& a = before.*each.text;
        const std::string& b = after.*each.text;
        if (each.title != nullptr && !a.empty() && !b.empty() && a != b) {
            out += (out.empty() ? "" : ", ") + std::string(each.title) + " " + shortened(a) + " → " +
                   shortened(b);
        }
    }
    return out;
}

std::string speed_change(const std::optional<double>& before, const std::optional<double>& after) {
    if (!before || !after || *before <= 0) {
        return "";
    }
    const double percent = std::round(100 * (*after / *before - 1));
    return (percent >= 0 ? "+" : "-") + fixed(std::abs(percent), 0) + "%";
}

std::string slower_text(const std::vector<kept_run>& before, const kept_run& now) {
    constexpr double tenth = 0.9;
    if (before.empty() || !now.speed || !before.back().speed || *now.speed > tenth * *before.back().speed) {
        return {};
    }
    const kept_run& last = before.back();
    const std::string changed = changes_between(last, now);
    return "Slower than the run of " + last.generated.substr(0, 16) + ": " + fixed(*now.speed, 2) +
           " tok/s after " + fixed(*last.speed, 2) + " (" + speed_change(last.speed, now.speed) + "). " +
           (changed.empty() ? "Nothing that is known changed between them."
                            : "Changed between them: " + changed + ".");
}

std::string history_text(const std::vector<kept_run>& runs, std::size_t columns) {
    std::string out;
    std::vector<kept_run> heads;
    for (const kept_run& one : runs) {
        const bool shown =
            std::ranges::any_of(heads, [&](const kept_run& other) { return is_like(one, other); });
        if (!shown) {
            heads.push_back(one);
            out += (out.empty() ? "" : "\n") + group_text(comparable(runs, one, runs.size()), columns);
        }
    }
    return out;
}

std::string history_json(const std::vector<kept_run>& runs) {
    json out{{"runs", json::array()}};
    for (const kept_run& one : runs) {
        out["runs"].push_back(kept_json(one));
    }
    return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace corral::bench
