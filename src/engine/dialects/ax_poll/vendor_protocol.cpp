#include "engine/dialects/ax_poll/vendor_protocol.hpp"

#include <nlohmann/json.hpp>

#include "corral/core/json.hpp"
#include "corral/core/say.hpp"
namespace corral::engine::ax_poll {

namespace {

using nlohmann::json;

// Bytes that are no UTF-8 would be refused by the runtime as a bad request; they become U+FFFD.
std::string dump(const json& body) {
    return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

std::string reset_body(std::string_view system) {
    json body = json::object();
    body["system_prompt"] = system;
    return dump(body);
}

std::string generate_body(std::string_view prompt, const wire_sampling& sampling) {
    json body = json::object();
    body["prompt"] = prompt;
    write_sampling(body, sampling);
    return dump(body);
}

control_reply control_answer(const http::client_reply& reply) {
    control_reply out{control_verdict::refused, reply.status};
    if (reply.status == 200) {
        out.verdict = control_verdict::accepted;
    } else if (reply.status == 400) {
        const json body = core::parse_json(reply.body);
        if (body.is_object() && body.value("error", json{}) == "llm is running") {
            out.verdict = control_verdict::busy;
        }
    }
    return out;
}

core::result<poll_answer> parse_poll(const http::client_reply& reply) {
    if (reply.status != 200) {
        return core::make_failure(core::errc::protocol,
                                  core::say("runtime.protocol/poll-status", reply.status));
    }
    const json body = core::parse_json(reply.body);
    if (!body.is_object()) {
        return core::make_failure(core::errc::protocol, core::say("runtime.protocol/answered-poll"));
    }
    const auto done = body.find("done");
    const auto text = body.find("response");
    if (done == body.end() || !done->is_boolean() || text == body.end() || !text->is_string()) {
        return core::make_failure(core::errc::protocol, core::say("runtime.protocol/runtime-answered"));
    }
    return poll_answer{done->get<bool>(), text->get<std::string>()};
}

}  // namespace corral::engine::ax_poll
