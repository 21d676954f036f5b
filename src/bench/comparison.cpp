#include <algorithm>

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

}  // namespace corral::bench
