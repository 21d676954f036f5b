#include "corral/bench/report.hpp"

#include <algorithm>
#include <cstdio>

#include "bench/shown.hpp"

namespace corral::bench {

std::string fixed(double value, int decimals) {
    // A half goes up, as by hand, though its binary fraction may lie just below.
    constexpr double nudge = 1e-9;
    char out[64];
    const int length = std::snprintf(out, sizeof out, "%.*f", decimals, value + (value < 0 ? -nudge : nudge));
    return std::string(out, static_cast<std::size_t>(std::clamp(length, 0, 63)));
}

std::string with_commas(std::int64_t value) {
    const std::string digits = std::to_string(value);
    std::string out;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        if (i > 0 && digits[i - 1] != '-' && (digits.size() - i) % 3 == 0) {
            out += ',';
        }
        out += digits[i];
    }
    return out;
}

std::string fenced(std::string_view text) {
    std::size_t longest = 2;
    std::size_t run = 0;
    for (const char c : text) {
        run = c == '`' ? run + 1 : 0;
        longest = std::max(longest, run);
    }
    const std::string fence(longest + 1, '`');
    return fence + "\n" + std::string(text) + (text.ends_with('\n') ? "" : "\n") + fence + "\n";
}

std::string on_one_line(std::string_view text) {
    constexpr std::size_t most = 300;
    std::string out;
    for (const char c : text.substr(0, most)) {
        const auto byte = static_cast<unsigned char>(c);
        out += byte < 0x20 || byte == 0x7f || c == '|' || c == '`' ? ' ' : c;
    }
    // Not in the middle of a character.
    while (text.size() > most && !out.empty() && (static_cast<unsigned char>(out.back()) & 0x80U) != 0) {
        out.pop_back();
    }
    return out;
}

namespace {

std::string ending_text(const measurement& seen) {
    switch (seen.how) {
        case ending::interrupted:
            return "⏹️ **Interrupted**";
        case ending::unable:
            return "➖ **Not possible:** " + on_one_line(seen.reason);
        case ending::wrong:
            return "❌ **Not as asked:** " + on_one_line(seen.reason);
        default:
            return "❌ **Failed:** " + on_one_line(seen.reason);
    }
}

std::string percent_text(const totals& all) {
    const double share =
        all.tests == 0 ? 0 : 100 * static_cast<double>(all.successes) / static_cast<double>(all.tests);
    return std::to_string(all.successes) + "/" + std::to_string(all.tests) + " (" + fixed(share, 0) + "%)";
}

std::string head(const run_record& run, const totals& all) {
    std::string out = "# 🚀 " + on_one_line(run.model) + " NPU Benchmark Results\n\n**Generated:** " +
                      run.generated + "\n**Duration:** " + fixed(run.duration_s, 1) + " seconds (" +
                      fixed(run.duration_s / 60, 1) + " minutes)\n\n";
    if (run.interrupted) {
        out += "**Interrupted:** after " + std::to_string(all.tests) + " of " + std::to_string(run.planned) +
               " tests\n\n";
    }
    return out + "## 📊 Executive Summary\n\n- **Model:** `" + on_one_line(run.model) + "`\n- **Hardware:** " +
           (hardware_text(run).empty() ? "not reported" : hardware_text(run)) + "\n- **Success Rate:** " +
           percent_text(all) + "\n- **Total Tokens Generated:** " + with_commas(all.output_tokens) +
           " tokens\n- **Average Speed:** " +
           (all.speed ? fixed(all.speed->average, 2) + " tok/s" : "not known") +
           (run.facts.counts.empty() ? "" : " (" + on_one_line(run.facts.counts) + ")") +
           "\n- **Memory Usage:** " + memory_text(run, all) + "\n- **Server:** " + facts_text(run) + "\n\n";
}

std::string json_quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : on_one_line(text)) {
        out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    }
    return out + "\"";
}

// As short as it can be: 0.6, 20.
std::string plain_number(double value) {
    std::string out = fixed(value, 4);
    out.erase(out.find_last_not_of('0') + 1);
    if (out.ends_with('.')) {
        out.pop_back();
    }
    return out;
}

struct setting {
    const char* name;
    std::string value;  // empty: not known
};

std::vector<setting> sampling_of(const run_record& run) {
    std::vector<setting> out;
    for (const char* const name : {"top_k", "top_p", "temperature", "repeat_penalty"}) {
        const auto found =
            std::ranges::find_if(run.sampling, [&](const auto& one) { return one.first == name; });
        out.push_back({name, found == run.sampling.end() ? "" : plain_number(found->second)});
    }
    return out;
}

std::vector<setting> hardware_of(const server_facts& facts) {
    const auto shown = [](const std::optional<std::int64_t>& value) {
        return value ? std::to_string(*value) : std::string();
    };
    return {{"num_npu_cores", shown(facts.npu_cores)},
            {"enabled_cpus_mask", shown(facts.cpu_mask)},
            {"num_threads", shown(facts.threads)}};
}

std::string members(const std::vector<setting>& all) {
    std::string out;
    for (const setting& one : all) {
        out += std::string(out.empty() ? "" : ",\n") + "    \"" + one.name +
               "\": " + (one.value.empty() ? "null" : one.value);
    }
    return out;
}

std::string configuration(const run_record& run) {
    return "## ⚙️ Configuration\n\n```json\n{\n  \"inference_params\": {\n" + members(sampling_of(run)) +
           "\n  },\n  \"hardware\": {\n" + members(hardware_of(run.facts)) + "\n  },\n  \"server\": " +
           json_quoted(run.facts.corral.empty()
                           ? run.server
                           : "Corral " + run.facts.corral + ", Ollama's format " + run.server) +
           ",\n  \"url\": " + json_quoted(run.url) + ",\n  \"set\": " + json_quoted(run.set) +
           ",\n  \"warm_up\": " + std::to_string(run.warm_up) +
           ",\n  \"concurrency\": " + std::to_string(run.concurrency) +
           "\n}\n```\n\nWhat is null, the server doesn't report.\n\n";
}

std::string row(const std::string& name, const std::optional<spread>& of) {
    if (!of) {
        return "| " + name + " | not known | - | - | - |\n";
    }
    return "| " + name + " | " + fixed(of->average, 2) + " | " + fixed(of->median, 2) + " | " +
           fixed(of->least, 2) + " | " + fixed(of->most, 2) + " |\n";
}

std::string percentile_row(const std::string& name, const std::optional<spread>& of) {
    return of ? "| " + name + " | " + fixed(of->median, 2) + " | " + fixed(of->p90, 2) + " | " +
                    fixed(of->p99, 2) + " | " + fixed(of->deviation, 2) + " |\n"
              : "";
}

std::string percentiles(const totals& all) {
    const std::string rows = percentile_row("Generation Speed (tok/s)", all.speed) +
                             percentile_row("Time to First Token (ms)", all.first_token) +
                             percentile_row("First Piece at the Client (ms)", all.client_first) +
                             percentile_row("Gap between Pieces at the Client (ms)", all.gap) +
                             percentile_row("All Clients together (tok/s)", all.throughput);
    return rows.empty() ? ""
                        : "\n| Metric | p50 | p90 | p99 | Spread (±) |\n"
                          "|--------|-----|-----|-----|--------|\n" +
                              rows;
}

std::string metrics(const totals& all) {
    return "## 🎯 Performance Metrics\n\n| Metric | Average | Median | Min | Max |\n"
           "|--------|---------|--------|-----|-----|\n" +
           row("Generation Speed (tok/s)", all.speed) + row("Time to First Token (ms)", all.first_token) +
           "| Input Processing (tok/s) | " +
           (all.input_processing ? fixed(*all.input_processing, 2) : "not known") + " | - | - | - |\n" +
           row("End-to-End Speed (tok/s)", all.end_to_end) +
           row("First Piece at the Client (ms)", all.client_first) +
           row("Gap between Pieces at the Client (ms)", all.gap) + percentiles(all) +
           "\nGeneration Speed is tok/s (decode): without the time to the first token. End-to-End Speed is "
           "tok/s (end-to-end): of the whole request. Time to First Token is by the server where it has it "
           "one; "
           "the client's own clock is beside it. Spread is the standard deviation. Only successful tests are "
           "in these figures.\n\n";
}

std::string token_statistics(const totals& all) {
    const auto output = static_cast<double>(all.output_tokens);
    std::string out = "## 🔢 Token Statistics\n\n- **Total Input Tokens:** " + with_commas(all.input_tokens) +
                      "\n- **Total Output Tokens:** " + with_commas(all.output_tokens) + "\n";
    if (all.tests > 0) {
        out += "- **Average Output per Request:** " + fixed(output / static_cast<double>(all.tests), 1) +
               " tokens\n";
    }
    if (all.successes > 0) {
        out += "- **Average Output per Success:** " + fixed(output / static_cast<double>(all.successes), 1) +
               " tokens\n";
    }
    return out + "- **Total Tokens Processed:** " + with_commas(all.input_tokens + all.output_tokens) +
           "\n\n";
}

std::string known(const std::optional<double>& value, const std::string& unit) {
    return value ? fixed(*value, 2) + unit : "not known";
}

std::string known_count(const std::optional<std::int64_t>& value) {
    return value ? std::to_string(*value) : "not known";
}

std::string success(const measurement& seen) {
    std::string out =
        "| Metric | Value |\n|--------|-------|\n| Status | ✅ Success |\n| Generation Speed | " +
        known(decode_speed(seen), " tok/s") + " |\n| Time to First Token | " +
        fixed(first_token_ms(seen), 2) + " ms |\n| Total Time | " + fixed(seen.total_s, 2) +
        " seconds |\n| Input Tokens | " + known_count(seen.input_tokens) + " |\n| Output Tokens | " +
        known_count(seen.output_tokens) + " |\n| Memory Usage | " + known(seen.memory_mb, " MB") +
        " |\n| End-to-End Speed | " + known(end_to_end_speed(seen), " tok/s") + " |\n| Source of Times | " +
        (seen.decode_s ? "server" : "wall") + " |\n| First Piece at the Client | " +
        known(client_first_ms(seen), " ms") + " |\n";
    out += box_rows_markdown(seen);
    if (seen.truncated) {
        out += "| Truncated | ⚠️ at the limit of tokens |\n";
    }
    if (seen.repeats) {
        out += "| Repetition | ⚠️ the same words again and again |\n";
    }
    if (seen.tool_calls > 0) {
        out += "| Tool Calls | " + std::to_string(seen.tool_calls) + " |\n";
    }
    return out + "\n";
}

std::string failure_text(const measurement& seen) {
    return ending_text(seen) + "\n\nAfter " + fixed(seen.total_s, 2) + " seconds and " +
           std::to_string(seen.pieces) + " pieces of an answer.\n\n";
}

std::string details(const run_record& run) {
    std::string out = "## 📝 Detailed Test Results\n\n";
    for (std::size_t i = 0; i < run.results.size(); ++i) {
        const test_result& one = run.results[i];
        const measurement& seen = one.seen;
        out += "### Test " + std::to_string(i + 1) + "/" + std::to_string(run.planned) + ": " +
               on_one_line(one.test.title) + "\n\n**ID:** `" + on_one_line(one.test.id) + "`\n\n" +
               (seen.how == ending::success ? success(seen) : failure_text(seen)) + "**Prompt:**\n";
        std::string prompt;
        for (const prompt_message& message : one.test.messages) {
            prompt +=
                (one.test.messages.size() > 1 ? "[" + message.role + "] " : "") + message.content + "\n";
        }
        out += fenced(prompt) + "\n";
        if (!seen.thinking.empty()) {
            out += "**Thinking:**\n" + fenced(seen.thinking) + "\n";
        }
        const bool whole = seen.how == ending::success || seen.how == ending::wrong;
        if (whole || !seen.text.empty()) {
            out +=
                std::string(whole ? "**Response:**\n" : "**Partial Response:**\n") + fenced(seen.text) + "\n";
        }
        out += "---\n\n";
    }
    return out;
}

}  // namespace

std::string settings_text(const run_record& run) {
    std::string out;
    for (const auto& all : {hardware_of(run.facts), sampling_of(run)}) {
        for (const setting& one : all) {
            if (!one.value.empty()) {
                out += (out.empty() ? "" : ", ") + std::string(one.name) + " " + one.value;
            }
        }
    }
    return out;
}

std::string markdown_report(const run_record& run) {
    const totals all = total_up(run);
    return head(run, all) + configuration(run) + metrics(all) + token_statistics(all) + box_markdown(run) +
           stages_markdown(run) + history_markdown(run) + details(run) + "## 💡 Observations\n\n" +
           observations(run, all) + "\n## 🎯 Conclusion\n\n" + conclusion(run, all) +
           "\n---\n\n**Report Generated:** " + run.generated + "\n";
}

}  // namespace corral::bench
