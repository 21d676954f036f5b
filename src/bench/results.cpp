#include <algorithm>
#include <array>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "bench/history_json.hpp"
#include "bench/shown.hpp"
#include "corral/bench/box_watch.hpp"
#include "corral/bench/diagnosis.hpp"
#include "corral/bench/report.hpp"
#include "corral/bench/stages.hpp"
#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"

namespace corral::bench {

namespace {

template <typename T>
[[nodiscard]] nlohmann::ordered_json known_or_null(const std::optional<T>& value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

using json = nlohmann::ordered_json;

// The curve in one text, "seconds:value", so that its points are not as many lines.
json box_json(const box_watch& of) {
    json out{{"figures", json::array()}, {"health", of.health}};
    for (const track& one : of.tracks) {
        std::string curve;
        for (const auto& [at, value] : one.curve()) {
            curve += (curve.empty() ? "" : " ") + fixed(at, 2) + ":" + fixed(value, 2);
        }
        out["figures"].push_back({{"of", one.of()},
                                  {"figure", kind_of(one.what()).key},
                                  {"looks", one.looks()},
                                  {"mean", one.mean()},
                                  {"least", one.least()},
                                  {"most", one.most()},
                                  {"curve", std::move(curve)}});
    }
    return out;
}

box_watch box_of(const json& object) {
    box_watch out;
    for (const json& one : core::list_at(object, "figures")) {
        for (const figure what : {figure::load, figure::memory, figure::temperature, figure::power,
                                  figure::cpu, figure::resident}) {
            if (core::text_at(one, "figure") != kind_of(what).key ||
                out.tracks.size() >= box_watch::most_tracks) {
                continue;
            }
            std::vector<std::pair<double, double>> curve;
            std::istringstream words(core::text_at(one, "curve"));
            char colon = 0;
            for (double at = 0, value = 0;
                 curve.size() < track::most_points && words >> at >> colon >> value;) {
                curve.emplace_back(at, value);
            }
            const auto number = [&](const char* key) {
                return core::number_at<double>(one, key).value_or(0);
            };
            out.tracks.push_back(track::restored(
                core::text_at(one, "of"), what, core::number_at<std::size_t>(one, "looks").value_or(0),
                {number("mean"), number("least"), number("most")}, std::move(curve)));
        }
    }
    for (const json& word : core::list_at(object, "health")) {
        if (word.is_string()) {
            out.add_health(word.get<std::string>());
        }
    }
    return out;
}

json stages_json(const std::optional<stage_spans>& of) {
    if (!of) {
        return nullptr;
    }
    json out = json::object();
    for (const stage_name& each : stage_names()) {
        out[std::string(each.key) + "_ms"] = known_or_null((*of).*each.span);
    }
    return out;
}

// nullptr, or no object: nothing.
std::optional<stage_spans> stages_in(const json* object) {
    if (object == nullptr || !object->is_object()) {
        return std::nullopt;
    }
    stage_spans out;
    for (const stage_name& each : stage_names()) {
        out.*each.span = core::number_at<double>(*object, (std::string(each.key) + "_ms").c_str());
    }
    return out;
}

constexpr const char* schema = "corral-bench-1";

// In the order of the endings.
constexpr std::array names{"success", "timed_out", "failed", "interrupted", "wrong", "unable"};
static_assert(names.size() == static_cast<std::size_t>(ending::unable) + 1);

const char* name_of(ending how) {
    return names[static_cast<std::size_t>(how)];
}

ending ending_of(const std::string& name) {
    const auto found = std::ranges::find(names, name);
    return found == names.end() ? ending::failed : static_cast<ending>(found - names.begin());
}

json spread_json(const std::optional<spread>& of) {
    if (!of) {
        return nullptr;
    }
    return {{"mean", of->average},
            {"p50", of->median},
            {"p90", of->p90},
            {"p99", of->p99},
            {"least", of->least},
            {"most", of->most},
            {"deviation", of->deviation}};
}

// In one text, so that thousands of stamps are not as many lines.
std::string tenths(const std::vector<double>& stamps) {
    std::string out;
    for (const double at : stamps) {
        out += (out.empty() ? "" : " ") + fixed(1000 * at, 1);
    }
    return out;
}

std::vector<double> stamps_of(const std::string& text) {
    constexpr std::size_t most = 20'000;
    std::istringstream words(text);
    std::vector<double> out;
    for (double at = 0; out.size() < most && words >> at;) {
        out.push_back(at / 1000);
    }
    return out;
}

json facts_json(const server_facts& of) {
    return {{"corral", of.corral},
            {"profile", of.profile},
            {"family", of.family},
            {"parameters", of.parameters},
            {"quantization", of.quantization},
            {"package", of.package},
            {"digest", of.digest},
            {"driver", of.driver},
            {"kernel", of.kernel},
            {"counts", of.counts},
            {"num_npu_cores", known_or_null(of.npu_cores)},
            {"enabled_cpus_mask", known_or_null(of.cpu_mask)},
            {"num_threads", known_or_null(of.threads)},
            {"capabilities", of.capabilities}};
}

server_facts facts_of(const json& object) {
    server_facts out;
    out.corral = core::text_at(object, "corral");
    out.profile = core::text_at(object, "profile");
    out.family = core::text_at(object, "family");
    out.parameters = core::text_at(object, "parameters");
    out.quantization = core::text_at(object, "quantization");
    out.package = core::text_at(object, "package");
    out.digest = core::text_at(object, "digest");
    out.driver = core::text_at(object, "driver");
    out.kernel = core::text_at(object, "kernel");
    out.counts = core::text_at(object, "counts");
    out.npu_cores = core::number_at<std::int64_t>(object, "num_npu_cores");
    out.cpu_mask = core::number_at<std::int64_t>(object, "enabled_cpus_mask");
    out.threads = core::number_at<std::int64_t>(object, "num_threads");
    return out;
}

json totals_json(const totals& all) {
    return {{"tests", all.tests},
            {"successes", all.successes},
            {"wrong", all.wrong},
            {"timed_out", all.timed_out},
            {"unable", all.unable},
            {"decode_tokens_per_second", spread_json(all.speed)},
            {"end_to_end_tokens_per_second", spread_json(all.end_to_end)},
            {"together_tokens_per_second", spread_json(all.throughput)},
            {"runtime_first_token_ms", spread_json(all.runtime_first)},
            {"client_first_piece_ms", spread_json(all.client_first)},
            {"client_gap_ms", spread_json(all.gap)},
            {"memory_mb", spread_json(all.memory_mb)}};
}

json test_json(const test_result& one) {
    const measurement& seen = one.seen;
    const bool spoken = seen.how == ending::success || seen.how == ending::wrong;
    json messages = json::array();
    for (const prompt_message& message : one.test.messages) {
        messages.push_back({{"role", message.role}, {"content", message.content}});
    }
    return {{"id", one.test.id},
            {"title", one.test.title},
            {"repetition", one.repetition},
            {"client", one.client},
            {"began_s", one.began_s},
            {"status", name_of(seen.how)},
            {"reason", seen.reason},
            {"total_s", seen.total_s},
            {"first_piece_s", known_or_null(seen.first_piece_s)},
            {"first_token_ms", spoken ? json(first_token_ms(seen)) : json(nullptr)},
            {"gap_ms", spread_json(spread_of(gaps_ms(seen)))},
            {"piece_ms", tenths(seen.piece_s)},
            {"input_tokens", known_or_null(seen.input_tokens)},
            {"output_tokens", known_or_null(seen.output_tokens)},
            {"prefill_s", known_or_null(seen.prefill_s)},
            {"decode_s", known_or_null(seen.decode_s)},
            {"decode_tokens_per_second", known_or_null(decode_speed(seen))},
            {"end_to_end_tokens_per_second", known_or_null(end_to_end_speed(seen))},
            {"durations_in_ms", seen.durations_in_ms},
            {"pieces", seen.pieces},
            {"tool_calls", seen.tool_calls},
            {"called", seen.called},
            {"truncated", seen.truncated},
            {"repeats", seen.repeats},
            {"memory_mb", known_or_null(seen.memory_mb)},
            {"stages", stages_json(seen.stages)},
            {"box", box_json(seen.box)},
            {"messages", std::move(messages)},
            {"thinking", seen.thinking},
            {"text", seen.text}};
}

test_result test_of(const json& object) {
    test_result out;
    out.test.id = core::text_at(object, "id");
    out.test.title = core::text_at(object, "title");
    out.repetition = core::number_at<unsigned>(object, "repetition").value_or(1);
    out.client = core::number_at<unsigned>(object, "client").value_or(1);
    out.began_s = core::number_at<double>(object, "began_s").value_or(0);
    for (const json& message : core::list_at(object, "messages")) {
        if (message.is_object()) {
            out.test.messages.push_back({core::text_at(message, "role"), core::text_at(message, "content")});
        }
    }
    measurement& seen = out.seen;
    seen.how = ending_of(core::text_at(object, "status"));
    seen.reason = core::text_at(object, "reason");
    seen.total_s = core::number_at<double>(object, "total_s").value_or(0);
    seen.first_piece_s = core::number_at<double>(object, "first_piece_s");
    seen.input_tokens = core::number_at<std::int64_t>(object, "input_tokens");
    seen.output_tokens = core::number_at<std::int64_t>(object, "output_tokens");
    seen.prefill_s = core::number_at<double>(object, "prefill_s");
    seen.decode_s = core::number_at<double>(object, "decode_s");
    seen.memory_mb = core::number_at<double>(object, "memory_mb");
    seen.stages = stages_in(core::member(object, "stages"));
    if (const json* const box = core::member(object, "box"); box != nullptr && box->is_object()) {
        seen.box = box_of(*box);
    }
    seen.piece_s = stamps_of(core::text_at(object, "piece_ms"));
    seen.pieces = core::number_at<std::size_t>(object, "pieces").value_or(0);
    seen.tool_calls = core::number_at<std::size_t>(object, "tool_calls").value_or(0);
    seen.durations_in_ms = core::flag_at(object, "durations_in_ms");
    seen.truncated = core::flag_at(object, "truncated");
    seen.repeats = core::flag_at(object, "repeats");
    seen.thinking = core::text_at(object, "thinking");
    seen.text = core::text_at(object, "text");
    return out;
}

json report_of(const run_record& run) {
    const totals all = total_up(run);
    json out{{"schema", schema},
             {"model", run.model},
             {"url", run.url},
             {"server", run.server},
             {"hardware", run.hardware},
             {"facts", facts_json(run.facts)},
             {"set", run.set},
             {"generated", run.generated},
             {"duration_s", run.duration_s},
             {"planned", run.planned},
             {"warm_up", run.warm_up},
             {"concurrency", run.concurrency},
             {"sampling", json::object()},
             {"interrupted", run.interrupted},
             {"successes", all.successes},
             {"timed_out", all.timed_out},
             {"totals", totals_json(all)},
             {"stages", stages_json(stages_of(run))},
             {"box", box_json(watch_of(run))},
             {"unwatched", run.unwatched},
             {"diagnoses", diagnoses(run)},
             {"history", json::array()},
             {"results", json::array()}};
    for (const kept_run& one : run.history) {
        out["history"].push_back(kept_json(one));
    }
    for (const auto& [name, value] : run.sampling) {
        out["sampling"][name] = value;
    }
    for (const test_result& one : run.results) {
        out["results"].push_back(test_json(one));
    }
    return out;
}

}  // namespace

std::string json_report(const run_record& run, const run_record* beside) {
    json out = report_of(run);
    if (beside != nullptr) {
        out["beside"] = report_of(*beside);
    }
    return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

core::result<run_record> read_results(std::string_view text, const std::string& name) {
    const json read = core::parse_json(text);
    const json* results = core::member(read, "results");
    if (core::text_at(read, "schema") != schema || results == nullptr || !results->is_array()) {
        return core::make_failure(core::errc::invalid, core::say("command.bench-plan/these-results", name));
    }
    run_record out;
    out.model = core::text_at(read, "model");
    out.url = core::text_at(read, "url");
    out.hardware = core::text_at(read, "hardware");
    out.set = core::text_at(read, "set");
    out.generated = core::text_at(read, "generated");
    out.server = core::text_at(read, "server");
    if (const json* const facts = core::member(read, "facts"); facts != nullptr && facts->is_object()) {
        out.facts = facts_of(*facts);
    }
    out.duration_s = core::number_at<double>(read, "duration_s").value_or(0);
    out.planned = core::number_at<unsigned>(read, "planned").value_or(0);
    out.warm_up = core::number_at<unsigned>(read, "warm_up").value_or(0);
    out.concurrency = core::number_at<unsigned>(read, "concurrency").value_or(1);
    out.interrupted = core::flag_at(read, "interrupted");
    if (const json* const sampling = core::member(read, "sampling");
        sampling != nullptr && sampling->is_object()) {
        for (const auto& [what, value] : sampling->items()) {
            if (value.is_number()) {
                out.sampling.emplace_back(what, value.get<double>());
            }
        }
    }
    out.unwatched = core::text_at(read, "unwatched");
    for (const json& one : core::list_at(read, "history")) {
        out.history.push_back(kept_from(one));
    }
    for (const json& one : *results) {
        if (one.is_object()) {
            out.results.push_back(test_of(one));
        }
    }
    return out;
}

}  // namespace corral::bench
