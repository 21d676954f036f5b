#include "crash_bundle.hpp"

#include <cmath>

#include "corral/core/time.hpp"
#include "corral/telemetry/crash_store.hpp"
#include "corral/telemetry/log.hpp"
#include "corral/version.hpp"

namespace corral::incidents {

namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t longest_sentence = 1000;
constexpr std::size_t most_lines = 200;
constexpr std::size_t most_line_bytes = 48 * 1024;

std::string sentence(const std::string& text) {
    return telemetry::printable(text, longest_sentence);
}

// Milliseconds with one decimal.
double ms(core::nanoseconds span) {
    return std::round(std::chrono::duration<double, std::milli>(span).count() * 10.0) / 10.0;
}

json trigger(const bundle_facts& facts) {
    const supervisor::transition_record& first = facts.what.first;
    json out{{"time", core::utc_milliseconds(first.time)},
             {"service", first.service},
             {"state", to_string(first.from)},
             {"event", first.event},
             {"sentence", sentence(first.reason)},
             {"wording", first.reason.name()},
             {"ids", first.reason.ids()},
             {"advice", sentence(first.advice)},
             {"pid", first.pid}};
    if (first.exit_status) {
        out["exit_status"] = *first.exit_status;
    }
    for (const supervisor::service_status& service : facts.services) {
        // Its last lines, read after its end, may have added to the story.
        const bool more = service.name == first.service && first.pid != 0 && !service.last_end.empty() &&
                          !first.reason.includes(service.last_end);
        if (more) {
            out["ended"] = sentence(service.last_end);
        }
    }
    return out;
}

json record(const supervisor::transition_record& what) {
    json out{{"time", core::utc_milliseconds(what.time)},
             {"service", what.service},
             {"from", to_string(what.from)},
             {"to", to_string(what.to)},
             {"event", what.event},
             {"reason", sentence(what.reason)},
             {"wording", what.reason.name()},
             {"ids", what.reason.ids()},
             {"advice", sentence(what.advice)},
             {"pid", what.pid}};
    if (what.failure != supervisor::trouble::none) {
        out["failure"] = to_string(what.failure);
    }
    if (what.exit_status) {
        out["exit_status"] = *what.exit_status;
    }
    return out;
}

template <typename Records>
json records(const Records& all) {
    json out = json::array();
    for (const auto& each : all) {
        out.push_back(record(each));
    }
    return out;
}

// The last ones that fit.
json last_lines(const std::deque<std::string>& all) {
    std::size_t first = all.size();
    std::size_t bytes = 0;
    while (first > 0 && all.size() - first < most_lines) {
        bytes += all[first - 1].size();
        if (bytes > most_line_bytes) {
            break;
        }
        --first;
    }
    json out = json::array();
    for (; first < all.size(); ++first) {
        out.push_back(all[first]);
    }
    return out;
}

json service(const supervisor::service_status& of, const std::deque<std::string>& lines,
             core::steady_time now) {
    json out{{"name", of.name},
             {"state", to_string(of.state)},
             {"state_for_ms", ms(now - of.since)},
             {"reason", sentence(of.reason)},
             {"ids", of.reason.ids()},
             {"advice", sentence(of.advice)},
             {"last_end", sentence(of.last_end)},
             {"pid", of.pid},
             {"starts", of.starts},
             {"warning", sentence(of.warning)}};
    if (of.progress) {
        out["progress"] = *of.progress;
    }
    if (of.next_try) {
        out["next_try_ms"] = ms(*of.next_try - now);
    }
    out["lines"] = last_lines(lines);
    return out;
}

json sampling(const telemetry::run_record& record) {
    json out = json::object();
    const auto put = [&out](const char* name, const auto& value) {
        if (value) {
            out[name] = *value;
        }
    };
    put("temperature", record.temperature);
    put("top_p", record.top_p);
    put("top_k", record.top_k);
    put("repeat_penalty", record.repeat_penalty);
    put("max_tokens", record.max_tokens);
    return out;
}

json request(const telemetry::run_record& record) {
    json gaps = json::array();
    for (const core::nanoseconds each : record.gaps.all()) {
        gaps.push_back(ms(each));
    }
    json out{{"id", telemetry::printable(record.id)},
             {"model", record.model},
             {"arrived", core::utc_milliseconds(record.arrived)},
             {"prompt_bytes", record.prompt_bytes},
             {"messages", record.messages},
             {"tools", record.tools},
             {"stops", record.stops},
             {"format", record.wants_format},
             {"verbatim", record.verbatim},
             {"sampling", sampling(record)},
             {"tries", record.tries},
             {"queue_ms", ms(record.queue)},
             {"reset_ms", ms(record.reset)},
             {"prefill_ms", ms(record.prefill)},
             {"decode_ms", ms(record.decode)},
             {"total_ms", ms(record.total)},
             {"prompt_tokens", record.prompt_tokens},
             {"cached_tokens", record.cached_tokens},
             {"tokens", record.generated_tokens},
             {"exact", record.exact},
             {"pieces", record.pieces},
             {"longest_gap_ms", ms(record.longest_gap)},
             {"last_gaps_ms", std::move(gaps)}};
    for (const auto& [name, part] :
         {std::pair{"tokenise_ms", record.tokenise}, std::pair{"detokenise_ms", record.detokenise},
          std::pair{"delivery_ms", record.delivery}}) {
        if (part) {
            out[name] = ms(*part);
        }
    }
    if (!record.start.empty()) {
        out["start"] = record.start;
    }
    if (record.silent_for) {
        out["silent_for_ms"] = ms(*record.silent_for);
    }
    if (!record.served_by.empty()) {
        out["served_by"] = record.served_by;
    }
    out["outcome"] = record.outcome.empty() ? "running" : record.outcome;
    if (!record.why.empty()) {
        out["why"] = record.why;
    }
    return out;
}

json requests(const std::vector<telemetry::run_record>& all) {
    json out = json::array();
    for (const telemetry::run_record& each : all) {
        out.push_back(request(each));
    }
    return out;
}

}  // namespace

json settings_of(const catalog::model_entry& model) {
    const catalog::profile& runtime = model.runtime;
    json clocks = json::object();
    for (const auto& [name, span] :
         {std::pair{"call", runtime.clocks.call}, std::pair{"reset", runtime.clocks.reset},
          std::pair{"prefill_base", runtime.clocks.prefill_base},
          std::pair{"prefill_per_token", runtime.clocks.prefill_per_token},
          std::pair{"decode_stall", runtime.clocks.decode_stall},
          std::pair{"idle_grace", runtime.clocks.idle_grace}, std::pair{"scrub", runtime.clocks.scrub}}) {
        clocks[name] = span.count();
    }
    json restart{{"intensity", runtime.restart.intensity}};
    for (const auto& [name, span] : {std::pair{"first_backoff", runtime.restart.first_backoff},
                                     std::pair{"max_backoff", runtime.restart.max_backoff},
                                     std::pair{"intensity_window", runtime.restart.intensity_window},
                                     std::pair{"healthy_after", runtime.restart.healthy_after},
                                     std::pair{"breaker_retry", runtime.restart.breaker_retry}}) {
        restart[name] = span.count();
    }
    json start = json::object();
    for (const catalog::service_template& service : runtime.services) {
        start[service.name] = service.start_stall.count();
    }
    return {{"profile", runtime.name},
            {"family", model.family},
            {"tokenizer_tap", runtime.tokenizer_tap},
            {"reuse", model.reuse == catalog::reuse_policy::automatic},
            {"clocks_ms", std::move(clocks)},
            {"restart_ms", std::move(restart)},
            {"start_stall_ms", std::move(start)}};
}

json to_bundle(const bundle_facts& facts) {
    json out{{"schema", telemetry::crash_schema},
             {"corral", std::string(version)},
             {"time", core::utc_milliseconds(facts.time)},
             {"model", facts.model},
             {"kind", to_string(facts.what.kind)},
             {"log_content", facts.log_content},
             {"settings", facts.settings},
             {"trigger", trigger(facts)},
             {"troubles", facts.what.troubles},
             {"further", records(facts.what.further)},
             {"incidents_not_kept_before", facts.not_kept}};
    json services = json::array();
    for (std::size_t i = 0; i < facts.services.size(); ++i) {
        services.push_back(service(facts.services[i], facts.lines.at(i), facts.now));
    }
    out["services"] = std::move(services);
    out["history"] = records(facts.history);
    out["requests"] = json{{"inside", requests(facts.inside)}, {"finished", requests(facts.finished)}};
    if (!facts.device.empty()) {
        out["device"] = facts.device;
    }
    return out;
}

}  // namespace corral::incidents
