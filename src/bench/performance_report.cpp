#include "bench/shown.hpp"
#include "corral/bench/report.hpp"

namespace corral::bench {

namespace {

std::string known(const std::optional<spread>& of, int decimals) {
    return of ? fixed(of->average, decimals) : "not known";
}

std::string improvement(const totals& before, const totals& after) {
    if (!before.speed || !after.speed || before.speed->average <= 0) {
        return "-";
    }
    const double percent = 100 * (after.speed->average / before.speed->average - 1);
    return (percent >= 0 ? "+" : "") + fixed(percent, 0) + "%";
}

std::string stage_row(const std::string& name, const totals& all, const std::string& change,
                      const run_record& run) {
    return "| " + name + " | " + known(all.speed, 2) + " | " + change + " | " + on_one_line(run.model) +
           ", set " + on_one_line(run.set) + ", " + on_one_line(run.generated) + " |\n";
}

std::string timeline(const run_record& run, const totals& all, const run_record* before) {
    std::string out =
        "## Performance Timeline\n\n| Stage | tokens/s | Improvement | Notes |\n"
        "|-------|----------|-------------|-------|\n";
    if (before == nullptr) {
        return out + stage_row("This run", all, "baseline", run);
    }
    const totals first = total_up(*before);
    return out + stage_row("Before", first, "baseline", *before) +
           stage_row("After", all, improvement(first, all), run);
}

// Of the mean answer.
std::string breakdown(const run_record& run, const totals& all) {
    double first = 0;
    double whole = 0;
    for (const test_result& one : run.results) {
        if (one.seen.how == ending::success) {
            first += first_token_ms(one.seen) / 1000;
            whole += one.seen.total_s;
        }
    }
    const auto count = static_cast<double>(all.successes);
    if (all.successes == 0 || whole <= 0) {
        return "## Performance Breakdown\n\nNo test succeeded.\n";
    }
    const double tokens = static_cast<double>(all.output_tokens) / count;
    const auto share = [&](double of) { return fixed(100 * of / whole, 0) + "%"; };
    std::string out = "## Performance Breakdown\n\n### Generation Time Analysis\n\nFor a mean response of " +
                      fixed(tokens, 0) +
                      " tokens:\n\n| Phase | Time | Percentage |\n"
                      "|-------|------|------------|\n| Time to the first token | " +
                      fixed(first / count, 2) + "s | " + share(first) + " |\n| Token generation | " +
                      fixed((whole - first) / count, 2) + "s | " + share(whole - first) + " |\n";
    if (all.output_tokens > 0) {
        out += "| Per-token average | " + fixed((whole - first) / static_cast<double>(all.output_tokens), 3) +
               "s/token | - |\n";
    }
    return out;
}

std::string by_length(const run_record& run) {
    std::string out =
        "### Comparison by Input Length\n\n| Input | Input Tokens | Generated Tokens | Total "
        "Time | tokens/s |\n|-------|--------------|------------------|------------|----------|\n";
    for (const test_result& one : run.results) {
        const measurement& seen = one.seen;
        if (seen.how != ending::success) {
            continue;
        }
        const auto speed = decode_speed(seen);
        out += "| " + on_one_line(one.test.title) + " | " +
               (seen.input_tokens ? with_commas(*seen.input_tokens) : "not known") + " | " +
               (seen.output_tokens ? with_commas(*seen.output_tokens) : "not known") + " | " +
               fixed(seen.total_s, 2) + " | " + (speed ? fixed(*speed, 2) : "not known") + " |\n";
    }
    return out;
}

std::string not_as_asked(const run_record& run) {
    std::string out;
    for (const test_result& one : run.results) {
        if (one.seen.how != ending::success) {
            out += "- " + on_one_line(one.test.title) + ": " + on_one_line(one.seen.reason) + "\n";
        }
    }
    return out.empty() ? "Every test did what it asks.\n" : out;
}

std::string parameters(const run_record& run) {
    std::string out;
    for (const auto& [name, value] : run.sampling) {
        out += on_one_line(name) + " = " + fixed(value, 4) + "\n";
    }
    return "## Appendix: Configuration\n\n" + fenced(out.empty() ? "the server tells none\n" : out);
}

}  // namespace

std::string performance_report(const run_record& run, const run_record* before) {
    const totals all = total_up(run);
    const std::string box = run.hardware.empty() ? "not told" : on_one_line(run.hardware);
    return "# Performance Analysis Report\n## " + on_one_line(run.model) + " on " + box +
           "\n\n**Report Date:** " + run.generated.substr(0, 10) + "\n**Hardware:** " + box +
           "\n**Software:** " + facts_text(run) +
           "\n\n---\n\n## Executive Summary\n\nThe inference speed is **" + known(all.speed, 2) +
           " tokens/s**, the first token comes after " + known(all.first_token, 0) + " ms. " +
           successes_text(all) + ".\n\n---\n\n" + timeline(run, all, before) +
           "\n---\n\n## Resource Utilization\n\n- Memory of the model: " +
           (all.memory_mb ? fixed(all.memory_mb->average, 0) + " MB" : std::string("not known")) +
           "\n\n---\n\n" + breakdown(run, all) + "\n" + by_length(run) +
           "\n---\n\n## Remaining Warnings\n\n" + not_as_asked(run) + "\n---\n\n## Conclusion\n\n" +
           conclusion(run, all) + "\n---\n\n" + parameters(run);
}

}  // namespace corral::bench
