
#include "bench/shown.hpp"
#include "corral/bench/diagnosis.hpp"

namespace corral::bench {

namespace {

std::size_t percent_of(const totals& all) {
    return all.tests == 0 ? 0 : (100 * all.successes + all.tests / 2) / all.tests;
}

// S4 of what is known to go wrong: values that contradict each other.
std::string sampling_warnings(const run_record& run) {
    double temperature = -1;
    double top_k = -1;
    std::string out;
    for (const auto& [name, value] : run.sampling) {
        temperature = name == "temperature" ? value : temperature;
        top_k = name == "top_k" ? value : top_k;
        if (name == "repeat_penalty" && value < 1) {
            out += "- ⚠️ repeat_penalty is " + fixed(value, 2) + ": below 1 it rewards repetition\n";
        }
    }
    if (temperature == 0 && top_k > 1) {
        out += "- ⚠️ temperature is 0, so top_k has no effect\n";
    }
    return out;
}

std::string quality(const run_record& run, const totals& all) {
    const std::size_t percent = percent_of(all);
    std::string out = std::string(percent >= 95   ? "- ✅ "
                                  : percent >= 50 ? "- ⚠️ "
                                                  : "- ❌ ") +
                      std::to_string(percent) + "% success rate across all tests\n";
    if (all.timed_out > 0) {
        out +=
            "- ⚠️ " + std::to_string(all.timed_out) + " timed out; they count in no average of speed\n";
    }
    if (all.wrong > 0) {
        out += "- ⚠️ " + std::to_string(all.wrong) + " answered, but not what was asked for\n";
    }
    if (all.unable > 0) {
        out += "- ➖ " + std::to_string(all.unable) + " the model can't do; they count in no rate\n";
    }
    if (all.truncated > 0) {
        out += "- ⚠️ " + std::to_string(all.truncated) + " ended at the limit of tokens\n";
    }
    if (all.repeating > 0) {
        out += "- ⚠️ " + std::to_string(all.repeating) + " end in the same words again and again\n";
    }
    const auto memory = [&out](double mean, double least, double most) {
        out += std::string(most - least <= 0.05 * mean ? "- ✅ Stable" : "- ⚠️ Changing") +
               " memory usage (~" + fixed(mean, 0) + " MB, " + fixed(least, 0) + " to " + fixed(most, 0) +
               ")\n";
    };
    const box_watch watch = watch_of(run);
    if (const track* const card = watch.busiest(figure::memory)) {
        memory(card->mean(), card->least(), card->most());
    } else if (all.memory_mb) {
        memory(all.memory_mb->average, all.memory_mb->least, all.memory_mb->most);
    }
    return out;
}

std::string longest_output(const run_record& run) {
    const test_result* longest = nullptr;
    for (const test_result& one : run.results) {
        if (one.seen.how == ending::success && one.seen.output_tokens &&
            (longest == nullptr || *one.seen.output_tokens > *longest->seen.output_tokens)) {
            longest = &one;
        }
    }
    if (longest == nullptr) {
        return "- No successful test whose tokens are known\n";
    }
    return "- **Longest output:** " + on_one_line(longest->test.title) + " (" +
           std::to_string(*longest->seen.output_tokens) + " tokens)\n- **Generation time:** " +
           fixed(longest->seen.total_s, 1) + " seconds\n";
}

}  // namespace

std::string observations(const run_record& run, const totals& all) {
    std::string out = "### Performance Analysis\n\n";
    if (all.speed) {
        out += "- Average generation speed of **" + fixed(all.speed->average, 2) + " tok/s** (by the " +
               (all.by_runtime ? "server's" : "wall") + " clock)\n";
        if (all.speed->least < 0.8 * all.speed->average) {
            out += "- ⚠️ The slowest test ran at " + fixed(all.speed->least, 2) + " tok/s\n";
        }
    }
    if (all.input_processing) {
        out += "- Input processing at **" + fixed(*all.input_processing, 2) + " tok/s**\n";
    }
    if (all.first_token) {
        out += "- TTFT: " + fixed(all.first_token->median, 0) + " ms median\n";
    }
    if (all.fit) {
        out += "- TTFT ≈ " + fixed(all.fit->base_ms, 0) + " ms + " + fixed(all.fit->per_token_ms, 1) +
               " ms per input token\n";
    }
    if (all.in_ms) {
        out +=
            "- ⚠️ The server writes milliseconds where the protocol has nanoseconds; they were read so\n";
    }
    for (const std::string& text : diagnoses(run)) {
        out += "- ⚠️ " + text + "\n";
    }
    return out + sampling_warnings(run) + "\n### Quality Assessment\n\n" + quality(run, all) +
           "\n### Long-Form Generation\n\n" + longest_output(run);
}

std::string conclusion(const run_record& run, const totals& all) {
    const std::size_t percent = percent_of(all);
    const char* rate = percent >= 95 ? "High" : percent >= 50 ? "Partial" : "Low";
    std::string out = "The " + on_one_line(run.model) + " model";
    if (!run.hardware.empty()) {
        out += " running on " + on_one_line(run.hardware);
    }
    out += " demonstrates:\n\n1. **Reliability:** " + std::string(rate) + " success rate, " +
           std::to_string(all.successes) + " of " + std::to_string(all.tests) + " tests\n";
    int number = 2;
    const auto add = [&](const char* name, const std::string& words) {
        out += std::to_string(number++) + ". **" + name + ":** " + words + "\n";
    };
    if (all.speed) {
        const double speed = all.speed->average;
        add("Speed", fixed(speed, 2) + " tok/s, " +
                         (speed >= 10  ? "faster than people read"
                          : speed >= 4 ? "about as fast as people read"
                                       : "slower than people read"));
    }
    if (all.first_token) {
        const double median = all.first_token->median;
        add("Latency", "the first token after " + fixed(median, 0) + " ms, " +
                           (median < 500    ? "at once"
                            : median < 3000 ? "after a short wait"
                                            : "after a wait that people notice"));
    }
    if (all.truncated + all.repeating > 0) {
        add("Completeness", std::to_string(all.truncated) + " cut by the limit, " +
                                std::to_string(all.repeating) + " repeating");
    }
    for (const std::string& text : diagnoses(run)) {
        add("Noticed", text);
    }
    return out;
}

}  // namespace corral::bench
