#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "bench/shown.hpp"
#include "corral/bench/report.hpp"
#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"

namespace corral::bench {

namespace {

using json = nlohmann::ordered_json;

constexpr const char* schema = "corral-bench-1";

// In the order of the endings.
constexpr std::array names{"success", "timed_out", "failed", "interrupted"};
static_assert(names.size() == static_cast<std::size_t>(ending::interrupted) + 1);

const char* name_of(ending how) {
    return names[static_cast<std::size_t>(how)];
}

ending ending_of(const std::string& name) {
    const auto found = std::ranges::find(names, name);
    return found == names.end() ? ending::failed : static_cast<ending>(found - names.begin());
}

template <typename T>
json known_or_null(const std::optional<T>& value) {
    return value ? json(*value) : json(nullptr);
}

json test_json(const test_result& one) {
    const measurement& seen = one.seen;
    json messages = json::array();
    for (const prompt_message& message : one.test.messages) {
        messages.push_back({{"role", message.role}, {"content", message.content}});
    }
    return {{"id", one.test.id},
            {"title", one.test.title},
            {"repetition", one.repetition},
            {"status", name_of(seen.how)},
            {"reason", seen.reason},
            {"total_s", seen.total_s},
            {"first_piece_s", known_or_null(seen.first_piece_s)},
            {"input_tokens", known_or_null(seen.input_tokens)},
            {"output_tokens", known_or_null(seen.output_tokens)},
            {"prefill_s", known_or_null(seen.prefill_s)},
            {"decode_s", known_or_null(seen.decode_s)},
            {"decode_tokens_per_second", known_or_null(decode_speed(seen))},
            {"end_to_end_tokens_per_second", known_or_null(end_to_end_speed(seen))},
            {"durations_in_ms", seen.durations_in_ms},
            {"pieces", seen.pieces},
            {"tool_calls", seen.tool_calls},
            {"truncated", seen.truncated},
            {"repeats", seen.repeats},
            {"memory_mb", known_or_null(seen.memory_mb)},
            {"messages", std::move(messages)},
            {"thinking", seen.thinking},
            {"text", seen.text}};
}

test_result test_of(const json& from) {
    test_result out;
    out.test.id = core::text_at(from, "id");
    out.test.title = core::text_at(from, "title");
    out.repetition = core::number_at<unsigned>(from, "repetition").value_or(1);
    measurement& seen = out.seen;
    seen.how = ending_of(core::text_at(from, "status"));
    seen.reason = core::text_at(from, "reason");
    seen.total_s = core::number_at<double>(from, "total_s").value_or(0);
    seen.first_piece_s = core::number_at<double>(from, "first_piece_s");
    seen.input_tokens = core::number_at<std::int64_t>(from, "input_tokens");
    seen.output_tokens = core::number_at<std::int64_t>(from, "output_tokens");
    seen.prefill_s = core::number_at<double>(from, "prefill_s");
    seen.decode_s = core::number_at<double>(from, "decode_s");
    seen.memory_mb = core::number_at<double>(from, "memory_mb");
    return out;
}

std::string csv_field(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) {
        return text;
    }
    std::string out = "\"";
    for (const char c : text) {
        out += c == '"' ? std::string("\"\"") : std::string(1, c);
    }
    return out + "\"";
}

std::string csv_number(const std::optional<double>& value) {
    return value ? fixed(*value, 3) : std::string();
}

}  // namespace

std::string json_report(const run_record& run) {
    const totals all = total_up(run);
    json out{{"schema", schema},
             {"model", run.model},
             {"url", run.url},
             {"server", run.server},
             {"hardware", run.hardware},
             {"set", run.set},
             {"generated", run.generated},
             {"duration_s", run.duration_s},
             {"planned", run.planned},
             {"warm_up", run.warm_up},
             {"interrupted", run.interrupted},
             {"successes", all.successes},
             {"timed_out", all.timed_out},
             {"results", json::array()}};
    for (const test_result& one : run.results) {
        out["results"].push_back(test_json(one));
    }
    return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string csv_report(const run_record& run) {
    std::string out =
        "id,title,repetition,status,reason,total_s,ttft_ms,input_tokens,output_tokens,decode_tok_s,"
        "end_to_end_tok_s,source,truncated,repeats,memory_mb\r\n";
    for (const test_result& one : run.results) {
        const measurement& seen = one.seen;
        const bool good = seen.how == ending::success;
        out += csv_field(one.test.id) + "," + csv_field(one.test.title) + "," +
               std::to_string(one.repetition) + "," + name_of(seen.how) + "," + csv_field(seen.reason) + "," +
               fixed(seen.total_s, 3) + "," + (good ? fixed(first_token_ms(seen), 3) : "") + "," +
               (seen.input_tokens ? std::to_string(*seen.input_tokens) : "") + "," +
               (seen.output_tokens ? std::to_string(*seen.output_tokens) : "") + "," +
               (good ? csv_number(decode_speed(seen)) : "") + "," +
               (good ? csv_number(end_to_end_speed(seen)) : "") + "," + (seen.decode_s ? "runtime" : "wall") +
               "," + (seen.truncated ? "yes" : "no") + "," + (seen.repeats ? "yes" : "no") + "," +
               csv_number(seen.memory_mb) + "\r\n";
    }
    return out;
}

core::result<run_record> read_results(std::string_view text, const std::string& name) {
    const json read = core::parse_json(text);
    const json* results = core::member(read, "results");
    if (core::text_at(read, "schema") != schema || results == nullptr || !results->is_array()) {
        return core::make_failure(core::errc::invalid, name + ": these are no results of 'corral bench'");
    }
    run_record out;
    out.model = core::text_at(read, "model");
    out.url = core::text_at(read, "url");
    out.hardware = core::text_at(read, "hardware");
    out.set = core::text_at(read, "set");
    out.generated = core::text_at(read, "generated");
    for (const json& one : *results) {
        if (one.is_object()) {
            out.results.push_back(test_of(one));
        }
    }
    return out;
}

}  // namespace corral::bench
