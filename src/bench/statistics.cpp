#include "corral/bench/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace corral::bench {

namespace {

double mean_of(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::optional<line_fit> fit_of(const std::vector<double>& x, const std::vector<double>& y) {
    if (x.size() < 3) {
        return std::nullopt;
    }
    const double mean_x = mean_of(x);
    const double mean_y = mean_of(y);
    double across = 0;
    double along = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        across += (x[i] - mean_x) * (y[i] - mean_y);
        along += (x[i] - mean_x) * (x[i] - mean_x);
    }
    if (along <= 0) {
        return std::nullopt;
    }
    const double slope = across / along;
    const double base = mean_y - slope * mean_x;
    // Of prompts of about one length the line is that of the noise.
    constexpr double least_slope = 0.05;  // ms; else its figure is 0.0
    return slope >= least_slope && base >= 0 ? std::optional(line_fit{base, slope}) : std::nullopt;
}

// Of sorted values, by nearest rank.
double rank(const std::vector<double>& values, std::size_t percent) {
    return values[(percent * values.size() + 99) / 100 - 1];
}

// Output of all clients over the span of their round.
std::vector<double> throughput_of(const run_record& run) {
    struct round {
        double begin = 0;
        double end = 0;
        std::int64_t tokens = 0;
    };
    std::map<std::pair<std::string, unsigned>, round> rounds;
    for (const test_result& one : run.results) {
        if (one.seen.how != ending::success || !one.seen.output_tokens) {
            continue;
        }
        const double end = one.began_s + one.seen.total_s;
        const auto [at, fresh] =
            rounds.try_emplace({one.test.id, one.repetition}, round{one.began_s, end, 0});
        at->second.begin = std::min(at->second.begin, one.began_s);
        at->second.end = std::max(at->second.end, end);
        at->second.tokens += *one.seen.output_tokens;
    }
    std::vector<double> out;
    for (const auto& [name, one] : rounds) {
        if (one.end > one.begin) {
            out.push_back(static_cast<double>(one.tokens) / (one.end - one.begin));
        }
    }
    return out;
}

void keep(std::vector<double>& in, const std::optional<double>& value) {
    if (value) {
        in.push_back(*value);
    }
}

}  // namespace

std::optional<spread> spread_of(std::vector<double> values) {
    if (values.empty()) {
        return std::nullopt;
    }
    std::ranges::sort(values);
    const std::size_t middle = values.size() / 2;
    const double median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    const double mean = mean_of(values);
    double squares = 0;
    for (const double value : values) {
        squares += (value - mean) * (value - mean);
    }
    const double deviation =
        values.size() < 2 ? 0 : std::sqrt(squares / static_cast<double>(values.size() - 1));
    return spread{mean, median, values.front(), values.back(), rank(values, 90), rank(values, 99), deviation};
}

std::optional<double> decode_speed(const measurement& of) {
    const double wall = of.total_s - of.first_piece_s.value_or(0);
    const double took = of.decode_s ? *of.decode_s : wall;
    if (!of.output_tokens || took <= 0) {
        return std::nullopt;
    }
    return static_cast<double>(*of.output_tokens) / took;
}

std::optional<double> end_to_end_speed(const measurement& of) {
    if (!of.output_tokens || of.total_s <= 0) {
        return std::nullopt;
    }
    return static_cast<double>(*of.output_tokens) / of.total_s;
}

double first_token_ms(const measurement& of) {
    return 1000 * (of.prefill_s ? *of.prefill_s : of.first_piece_s.value_or(of.total_s));
}

std::optional<double> client_first_ms(const measurement& of) {
    return of.first_piece_s ? std::optional(1000 * *of.first_piece_s) : std::nullopt;
}

std::vector<double> gaps_ms(const measurement& of) {
    std::vector<double> out;
    for (std::size_t i = 1; i < of.piece_s.size(); ++i) {
        out.push_back(1000 * (of.piece_s[i] - of.piece_s[i - 1]));
    }
    return out;
}

std::optional<double> input_speed(const measurement& of) {
    const double took = first_token_ms(of) / 1000;
    if (!of.input_tokens || took <= 0) {
        return std::nullopt;
    }
    return static_cast<double>(*of.input_tokens) / took;
}

totals total_up(const run_record& run) {
    totals out;
    out.by_runtime = true;
    std::vector<double> speed, whole, first, input, memory, fit_x, fit_y, client, runtime, gaps;
    for (const test_result& one : run.results) {
        const measurement& seen = one.seen;
        out.tests += seen.how == ending::interrupted || seen.how == ending::unable ? 0 : 1;
        out.wrong += seen.how == ending::wrong ? 1 : 0;
        out.unable += seen.how == ending::unable ? 1 : 0;
        out.timed_out += seen.how == ending::timed_out ? 1 : 0;
        if (seen.how != ending::success) {
            continue;
        }
        ++out.successes;
        out.truncated += seen.truncated ? 1 : 0;
        out.repeating += seen.repeats ? 1 : 0;
        out.input_tokens += seen.input_tokens.value_or(0);
        out.output_tokens += seen.output_tokens.value_or(0);
        out.by_runtime = out.by_runtime && seen.decode_s;
        out.in_ms = out.in_ms || seen.durations_in_ms;
        keep(speed, decode_speed(seen));
        keep(whole, end_to_end_speed(seen));
        first.push_back(first_token_ms(seen));
        keep(client, client_first_ms(seen));
        if (seen.prefill_s) {
            runtime.push_back(1000 * *seen.prefill_s);
        }
        std::ranges::copy(gaps_ms(seen), std::back_inserter(gaps));
        keep(input, input_speed(seen));
        keep(memory, seen.memory_mb);
        if (seen.input_tokens) {
            fit_x.push_back(static_cast<double>(*seen.input_tokens));
            fit_y.push_back(first_token_ms(seen));
        }
    }
    out.speed = spread_of(speed);
    out.end_to_end = spread_of(whole);
    out.first_token = spread_of(first);
    out.runtime_first = spread_of(runtime);
    out.client_first = spread_of(client);
    out.gap = spread_of(gaps);
    out.throughput = spread_of(throughput_of(run));
    out.memory_mb = spread_of(memory);
    if (!input.empty()) {
        out.input_processing = mean_of(input);
    }
    out.fit = fit_of(fit_x, fit_y);
    return out;
}

plausible_durations believe(std::int64_t prefill_raw, std::int64_t decode_raw, double total_s) {
    plausible_durations out;
    if (decode_raw <= 0 || total_s <= 0) {
        return out;
    }
    const double slack = 1.1 * total_s + 0.01;
    const double as_ns = static_cast<double>(decode_raw) * 1e-9;
    const double as_ms = static_cast<double>(decode_raw) * 1e-3;
    out.in_ms = as_ns < total_s / 1000 && as_ms > total_s / 20 && as_ms < slack;
    const double unit = out.in_ms ? 1e-3 : 1e-9;
    const double decode = static_cast<double>(decode_raw) * unit;
    const double prefill = static_cast<double>(prefill_raw) * unit;
    // Less than a thousandth of what we waited, and no milliseconds either: not a duration.
    if (decode > slack || decode < total_s / 1000) {
        out.in_ms = false;
        return out;
    }
    out.decode_s = decode;
    if (prefill > 0 && prefill <= slack) {
        out.prefill_s = prefill;
    }
    return out;
}

bool repeats_itself(std::string_view text) {
    constexpr std::size_t longest = 400;
    constexpr std::size_t times = 6;
    constexpr std::size_t least = 200;
    for (std::size_t period = 1; period <= longest && period * times <= text.size(); ++period) {
        const std::size_t span = std::max(period * times, least);
        if (span > text.size()) {
            continue;
        }
        const std::string_view end = text.substr(text.size() - span);
        if (end.substr(period) == end.substr(0, span - period)) {
            return true;
        }
    }
    return false;
}

}  // namespace corral::bench
