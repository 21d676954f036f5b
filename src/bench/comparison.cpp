#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bench/shown.hpp"
#include "corral/bench/report.hpp"

namespace corral::bench {

namespace {

struct pair_of_tests {
    const test_result* before;
    const test_result* after;
};

std::vector<pair_of_tests> pairs_of(const run_record& before, const run_record& after) {
    std::vector<pair_of_tests> out;
    for (const test_result& one : after.results) {
        for (const test_result& other : before.results) {
            if (one.test.id == other.test.id && one.repetition == other.repetition &&
                one.client == other.client) {
                out.push_back({&other, &one});
                break;
            }
        }
    }
    return out;
}

std::string change(double before, double after) {
    if (before <= 0) {
        return "-";
    }
    const double percent = 100 * (after / before - 1);
    return (percent >= 0 ? "+" : "") + fixed(percent, 0) + "%";
}

std::string speed_text(const measurement& of) {
    const auto speed = decode_speed(of);
    return of.how != ending::success ? "failed" : speed ? fixed(*speed, 2) : "not known";
}

std::string test_row(const pair_of_tests& both) {
    const measurement& a = both.before->seen;
    const measurement& b = both.after->seen;
    const bool good = a.how == ending::success && b.how == ending::success;
    const auto speed_a = decode_speed(a);
    const auto speed_b = decode_speed(b);
    return "| " + on_one_line(both.after->test.title) + " | " + speed_text(a) + " | " + speed_text(b) +
           " | " + (good && speed_a && speed_b ? change(*speed_a, *speed_b) : "-") + " | " +
           (good ? fixed(first_token_ms(a), 2) : "-") + " | " + (good ? fixed(first_token_ms(b), 2) : "-") +
           " | " + (good ? change(first_token_ms(a), first_token_ms(b)) : "-") + " |\n";
}

std::string total_row(const std::string& name, const std::optional<spread>& a,
                      const std::optional<spread>& b) {
    return "| " + name + " | " + (a ? fixed(a->average, 2) : "not known") + " | " +
           (b ? fixed(b->average, 2) : "not known") + " | " +
           (a && b ? change(a->average, b->average) : "-") + " |\n";
}

// What only one of them has, by title; empty when that is nothing.
std::string left_alone(const char* side, const run_record& run, const run_record& other) {
    constexpr std::size_t most = 20;
    std::size_t count = 0;
    std::string out;
    for (const test_result& one : run.results) {
        const bool common = std::ranges::any_of(other.results, [&](const test_result& two) {
            return two.test.id == one.test.id && two.repetition == one.repetition && two.client == one.client;
        });
        if (!common && ++count <= most) {
            out += (out.empty() ? "" : ", ") + on_one_line(one.test.title);
        }
    }
    if (count > most) {
        out += " and " + std::to_string(count - most) + " more";
    }
    return out.empty() ? out : std::string("- **Only ") + side + ":** " + out + "\n";
}

}  // namespace

std::string markdown_comparison(const run_record& before, const run_record& after) {
    run_record common_a;
    run_record common_b;
    std::string tests;
    const auto pairs = pairs_of(before, after);
    for (const pair_of_tests& both : pairs) {
        tests += test_row(both);
        if (both.before->seen.how == ending::success && both.after->seen.how == ending::success) {
            common_a.results.push_back(*both.before);
            common_b.results.push_back(*both.after);
        }
    }
    const totals a = total_up(common_a);
    const totals b = total_up(common_b);
    const totals all_a = total_up(before);
    const totals all_b = total_up(after);
    const auto side = [](const char* name, const run_record& run, const totals& all) {
        return std::string("- **") + name + ":** " + on_one_line(run.model) + " at " + on_one_line(run.url) +
               ", " + run.generated + ", " + std::to_string(all.successes) + " of " +
               std::to_string(all.tests) + " tests succeeded\n";
    };
    return "# Comparison\n\n" + side("Before", before, all_a) + side("After", after, all_b) +
           left_alone("before", before, after) + left_alone("after", after, before) +
           "\n## Averages\n\nOf the " + std::to_string(common_a.results.size()) +
           " tests that succeeded in both runs; " + std::to_string(pairs.size()) +
           " are in both. Change is against the run before.\n\n"
           "| Metric | Before | After | Change |\n|--------|--------|-------|--------|\n" +
           total_row("tok/s (decode)", a.speed, b.speed) +
           total_row("tok/s (end-to-end)", a.end_to_end, b.end_to_end) +
           total_row("Time to First Token (ms)", a.first_token, b.first_token) +
           total_row("Memory (MB)", a.memory_mb, b.memory_mb) +
           "\n## Tests\n\n| Test | tok/s before | tok/s after | Change | TTFT before (ms) | TTFT after (ms) "
           "| "
           "Change |\n|------|------|------|------|------|------|------|\n" +
           tests;
}

namespace {

struct timed_answer {
    double first_ms = 0;
    std::optional<double> speed;  // tok/s behind the first piece
    double total_s = 0;
};

struct beside_pair {
    const test_result* corral = nullptr;
    timed_answer by_itself;
    timed_answer through;
    bool same_length = false;  // within a tenth; else their whole times are of different answers
};

double letters_of(const measurement& of) {
    const std::string all = of.thinking + of.text;
    const auto is_mark = [](char c) { return c != ' ' && c != '\n' && c != '\r' && c != '\t'; };
    return static_cast<double>(std::ranges::count_if(all, is_mark));
}

timed_answer times_of(const measurement& of, const std::optional<double>& tokens) {
    timed_answer out;
    out.first_ms = 1000 * of.first_piece_s.value_or(of.total_s);
    out.total_s = of.total_s;
    const double rest = of.total_s - of.first_piece_s.value_or(0);
    if (tokens && rest > 0 && of.pieces > 0) {
        out.speed = *tokens / rest;
    }
    return out;
}

std::optional<double> reported_tokens(const measurement& answer) {
    return answer.output_tokens ? std::optional(static_cast<double>(*answer.output_tokens)) : std::nullopt;
}

beside_pair pair_of(const test_result& direct, const test_result& corral) {
    constexpr double tenth = 0.1;
    const double letters = letters_of(corral.seen);
    const double share = letters > 0 ? letters_of(direct.seen) / letters : 0;
    std::optional<double> tokens = reported_tokens(direct.seen);
    if (!tokens && corral.seen.output_tokens) {
        tokens = share * static_cast<double>(*corral.seen.output_tokens);
    }
    beside_pair out;
    out.corral = &corral;
    out.by_itself = times_of(direct.seen, tokens);
    out.through = times_of(corral.seen, reported_tokens(corral.seen));
    out.same_length = std::abs(share - 1) < tenth;
    return out;
}

std::vector<beside_pair> answered_pairs(const run_record& direct, const run_record& corral) {
    std::vector<beside_pair> out;
    for (const test_result& one : corral.results) {
        const auto other = std::ranges::find_if(direct.results, [&](const test_result& two) {
            return two.test.id == one.test.id && two.repetition == one.repetition && two.client == one.client;
        });
        if (other != direct.results.end() && one.seen.how == ending::success &&
            other->seen.how == ending::success) {
            out.push_back(pair_of(*other, one));
        }
    }
    return out;
}

std::string with_spread(const std::vector<double>& values, int decimals) {
    const auto of = spread_of(values);
    return of ? fixed(of->median, decimals) + " ± " + fixed(of->deviation, decimals) : "not known";
}

std::string signed_text(double value, int decimals) {
    return (value >= 0 ? "+" : "") + fixed(value, decimals);
}

// Of values that belong together one by one, what the second has more than the first.
std::string difference_text(const std::vector<double>& direct, const std::vector<double>& corral,
                            int decimals) {
    std::vector<double> more;
    std::vector<double> percent;
    for (std::size_t i = 0; i < direct.size(); ++i) {
        more.push_back(corral[i] - direct[i]);
        percent.push_back(direct[i] > 0 ? 100 * (corral[i] / direct[i] - 1) : 0);
    }
    const auto of = spread_of(more);
    if (!of) {
        return "not known";
    }
    return signed_text(of->median, decimals) + " ± " + fixed(of->deviation, decimals) + " (" +
           signed_text(spread_of(percent)->median, 1) + " %)";
}

using table_row = std::array<std::string, 4>;

std::string padded_table(const std::vector<table_row>& rows) {
    std::array<std::size_t, 4> widths{};
    const auto width = [](const std::string& text) {  // "±" has two bytes
        return static_cast<std::size_t>(std::ranges::count_if(
            text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
    };
    for (const table_row& one : rows) {
        for (std::size_t i = 0; i < one.size(); ++i) {
            widths.at(i) = std::max(widths.at(i), width(one.at(i)));
        }
    }
    std::string out;
    for (const table_row& one : rows) {
        for (std::size_t i = 0; i < one.size(); ++i) {
            out += (i == 0 ? "| " : " | ") + one.at(i) + std::string(widths.at(i) - width(one.at(i)), ' ');
        }
        out += " |\n";
        if (&one == &rows.front()) {
            for (const std::size_t columns : widths) {
                out += "|" + std::string(columns + 2, '-');
            }
            out += "|\n";
        }
    }
    return out;
}

table_row figure_line(const std::string& name, const std::vector<beside_pair>& pairs, int decimals,
                      std::optional<double> (*value)(const beside_pair& of, bool through)) {
    std::vector<double> direct;
    std::vector<double> corral;
    for (const beside_pair& one : pairs) {
        const auto a = value(one, false);
        const auto b = value(one, true);
        if (a && b) {
            direct.push_back(*a);
            corral.push_back(*b);
        }
    }
    return {name, with_spread(direct, decimals), with_spread(corral, decimals),
            difference_text(direct, corral, decimals)};
}

const timed_answer& times_at(const beside_pair& of, bool through) {
    return through ? of.through : of.by_itself;
}

std::string not_compared(const run_record& direct, const run_record& corral) {
    std::string out;
    for (const run_record* const run : {&direct, &corral}) {
        for (const test_result& one : run->results) {
            if (one.seen.how != ending::success && one.repetition == 1 && one.client == 1) {
                out += "- " + on_one_line(one.test.title) +
                       (run == &direct ? ", by itself: " : ", through Corral: ") +
                       on_one_line(one.seen.reason) + "\n";
            }
        }
    }
    return out.empty() ? out : "\nNot compared:\n\n" + out;
}

}  // namespace

std::string beside_report(const run_record& direct, const run_record& corral) {
    const std::vector<beside_pair> pairs = answered_pairs(direct, corral);
    const std::string head = "What Corral costs or saves: " + on_one_line(corral.model) + ", " +
                             corral.generated + "\n\nBy itself: " + on_one_line(direct.server) + ", " +
                             on_one_line(direct.url) + "\nThrough Corral: " + on_one_line(corral.url) +
                             "\n\n";
    if (pairs.empty()) {
        return head + "No test was answered by both.\n" + not_compared(direct, corral);
    }
    const auto same = static_cast<std::size_t>(
        std::ranges::count_if(pairs, [](const beside_pair& one) { return one.same_length; }));
    std::vector<table_row> rows{
        {fmt::format("of {} answers", pairs.size()), "by itself", "through Corral", "difference"}};
    rows.push_back(figure_line("first text, ms", pairs, 1, [](const beside_pair& of, bool through) {
        return std::optional(times_at(of, through).first_ms);
    }));
    rows.push_back(figure_line("speed, tok/s", pairs, 2, [](const beside_pair& of, bool through) {
        return times_at(of, through).speed;
    }));
    rows.push_back(figure_line("whole answer, s", pairs, 3, [](const beside_pair& of, bool through) {
        return of.same_length ? std::optional(times_at(of, through).total_s) : std::nullopt;
    }));
    std::vector<table_row> tests{
        {"first text, ms; tok/s; whole, s", "by itself", "through Corral", "difference"}};
    for (const beside_pair& one : pairs) {
        const auto cell = [&](bool through) {
            const timed_answer& of = times_at(one, through);
            return fixed(of.first_ms, 1) + "; " + (of.speed ? fixed(*of.speed, 2) : "–") + "; " +
                   fixed(of.total_s, 3);
        };
        tests.push_back(
            {on_one_line(one.corral->test.title) +
                 (one.corral->repetition > 1 ? " #" + std::to_string(one.corral->repetition) : ""),
             cell(false), cell(true), signed_text(one.through.first_ms - one.by_itself.first_ms, 1) + " ms"});
    }
    return head + padded_table(rows) +
           "\nMedian ± standard deviation, by the client's clock; the last column is of the differences test "
           "by "
           "test.\nSpeed is that of the tokens behind the first text" +
           (direct.results.front().seen.output_tokens ? "."
                                                      : "; the runtime counts none by itself, so they are "
                                                        "those of the same\nanswer through Corral, by its "
                                                        "letters.") +
           fmt::format("\n{} of {} answers are of the same length; whole times are of these alone.\n\n", same,
                       pairs.size()) +
           padded_table(tests) + not_compared(direct, corral);
}

}  // namespace corral::bench
