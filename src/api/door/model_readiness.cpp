#include "api/door/health_routes.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include <boost/url/parse_query.hpp>

#include "api/add_header.hpp"
#include "api/door/access_check.hpp"
#include "api/json/json_writer.hpp"
#include "corral/api/member_state.hpp"
#include "corral/core/text.hpp"

namespace corral::api {

namespace {

constexpr std::string_view parameter = "model";
constexpr std::size_t longest_name = 1024;  // bytes; no model's is half as long

// The last one counts, as of repeated members of a body. Nothing: it is empty or too long. REQUIRES: the query asks for
// one.
std::optional<std::string> model_in(std::string_view query) {
    const auto parsed = boost::urls::parse_query(query);
    std::optional<std::string> out;
    boost::urls::encoding_opts opt;
    opt.space_as_plus = true;
    for (const auto& each : *parsed) {
        if (each.key.decode(opt) == parameter) {
            out = each.has_value ? each.value.decode(opt) : std::string();
        }
    }
    const bool usable = out && !core::trimmed(*out).empty() && out->size() <= longest_name;
    return usable ? out : std::nullopt;
}

http::response refused(unsigned status, const char* why) {
    http::response out;
    out.status = status;
    out.content_type = "application/json; charset=utf-8";
    json_writer json;
    json.begin_object().member("error", why).end_object();
    out.body = json.take();
    return out;
}

void write_wait(json_writer& json, const scheduler::outlook& queue) {
    json.key("wait_seconds");
    if (queue.estimate) {
        json.number(queue.estimate->count());
    } else {
        json.tree(nullptr);
    }
    json.key("queue").begin_object();
    json.count("waiting", queue.waiting).count("running", queue.running).count("places", queue.places);
    json.end_object();
}

}  // namespace

bool asks_for_model(std::string_view query) {
    const auto parsed = boost::urls::parse_query(query);
    return parsed && std::any_of(parsed->begin(), parsed->end(),
                                 [](const auto& each) { return each.key.decode() == parameter; });
}

box_condition box_of(const api_context& context) {
    return {context.admission->refuses_new(), !context.closed.empty(), context.drained && context.drained()};
}

http::response model_readiness(const api_context& context, const http::request& incoming) {
    constexpr unsigned good = 200;
    constexpr unsigned bad_request = 400;
    constexpr unsigned not_found = 404;
    constexpr unsigned unavailable = 503;
    const access judged = judge_access(context.keys, incoming);
    if (context.keys != nullptr && !judged.by_key) {
        return access_refusal(access_verdict::no_key, incoming, *context.random);
    }
    const std::optional<std::string> name = model_in(incoming.query);
    if (!name) {
        return refused(bad_request, "the query must be 'model=NAME', the name of a model");
    }
    const generation::served found = context.models->find(*name);
    if (found == nullptr) {
        return refused(not_found, "this server has no such model; '/api/tags' lists those that it has");
    }
    const model_condition now = condition_of(*found, *context.admission);
    const member_verdict verdict = judge_member(box_of(context), now);
    http::response out;
    out.status = verdict.takes_requests() ? good : unavailable;
    out.content_type = "application/json; charset=utf-8";
    json_writer json;
    json.begin_object().member("status", verdict.status).member("model", found->name);
    json.count("weight_percent", verdict.percent);
    write_wait(json, now.queue);
    json.end_object();
    out.body = json.take();
    if (!verdict.takes_requests() && now.queue.estimate && now.queue.estimate->count() > 0) {
        add_header(out.headers, "Retry-After", std::to_string(now.queue.estimate->count()));
    }
    return out;
}

}  // namespace corral::api
