// What becomes of a request that a streaming server does not take: asked anew without what it refused, or failed with a
// sentence for who can change it.

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "engine/streaming/stream_run.hpp"
#include "engine/streaming/turn_order.hpp"

namespace corral::engine::streaming {

namespace {

constexpr std::size_t most_error_body = 256UL * 1024;
constexpr unsigned first_failure = 500;

bool is_of_client(unsigned status) {
    constexpr unsigned bad_request = 400;
    constexpr unsigned unprocessable = 422;
    return status == bad_request || status == unprocessable;
}

// llama.cpp's server in its own words, or what templates say in raise_exception().
bool is_of_template(std::string_view message) {
    constexpr std::array<std::string_view, 6> words{"template",           "jinja",
                                                    "must alternate",     "roles are supported",
                                                    "role not supported", "message must be at the beginning"};
    const std::string said = core::lower_case(message);
    return std::any_of(words.begin(), words.end(),
                       [&said](std::string_view each) { return said.find(each) != std::string::npos; });
}

}  // namespace

// Another status than 200: nothing means that it is busy and may be asked again.
core::awaitable<stream_run::early> stream_run::refused(run_state& now, std::string_view asked,
                                                       core::deadline until) {
    std::string body;
    const core::deadline read = core::deadline::after(parts_.clocks.call, clock_now());
    now.inside = false;
    while ((!now.pump->ended() || now.pump->has_bytes()) && body.size() < most_error_body &&
           !read.passed(clock_now())) {
        body += now.pump->take();
        if (!now.pump->ended() && !now.pump->has_bytes()) {
            if (const early end = interrupted(now)) {
                now.pump->abandon();
                now.pump.reset();
                co_return end;
            }
            co_await rest(now, read);
        }
    }
    const unsigned status = *now.pump->status();
    now.pump->abandon();
    now.pump.reset();
    if (refuses_salt(now, asked, status, body)) {
        co_return without_salt(now);
    }
    const error_part error = parts_.protocol->error_of(status, body);
    const std::string said = error.message.empty() ? "." : ": " + error.message + ".";
    // With the answers of others, perhaps, which a restart would cut.
    const bool works = !core::deadline::after(parts_.clocks.call, heard_).passed(clock_now());
    if (error.busy && (works || !until.passed(clock_now()))) {
        co_return std::nullopt;
    }
    if (error.busy) {
        now.restart_cause = core::say("runtime.refused/busy");
        co_return fail(now, chat::failure_kind::runtime_failed, *now.restart_cause, true);
    }
    if (error.context) {
        co_return fail_too_long(now, *error.context, core::say("request.too-long/runtime", said));
    }
    co_return refused_for(now, status, error);
}

// In the whole body, for the sentence stands in a list that quotes the request behind it. So a request that holds it too
// proves nothing: its client would decide whether prompts are kept apart.
bool stream_run::refuses_salt(const run_state& now, std::string_view asked, unsigned status,
                              std::string_view body) {
    constexpr std::string_view sentence = "'cache_salt' is not supported";
    return !now.what.cache_salt.empty() && is_of_client(status) &&
           body.find(sentence) != std::string_view::npos && asked.find(sentence) == std::string_view::npos;
}

stream_run::early stream_run::without_salt(run_state& now) {
    if (!parts_.salt_refused || !parts_.salt_refused(now.what.owner)) {
        return fail(now, chat::failure_kind::runtime_failed, core::say("runtime.cache-salt-refused/runtime"),
                    false);
    }
    now.what.cache_salt.clear();
    now.asks_anew = true;
    return std::nullopt;
}

stream_run::early stream_run::refused_for(run_state& now, unsigned status, const error_part& error) {
    const bool by_template = is_of_template(error.message);
    if (by_template && make_plainer(now.what.prompt.messages)) {
        now.asks_anew = true;
        return std::nullopt;
    }
    const std::string said = error.message.empty() ? "." : ": " + error.message + ".";
    const bool had_format = parts_.traits.formats != catalog::format_form::none && !now.what.format.is_null();
    if (had_format && status < first_failure) {
        now.what.format = nullptr;
        now.asks_anew = true;
        parts_.format_refused(status);
        return std::nullopt;
    }
    std::vector<std::string> ours = parts_.traits.sampling;
    ours.push_back(parts_.traits.max_tokens);
    if (now.what.top_logprobs) {
        ours.emplace_back("logprobs");
        ours.emplace_back("n_probs");
    }
    // llama.cpp's samplers have names of their own for values: "penalty_repeat must be finite and greater than 0".
    ours.emplace_back("initialize samplers");
    const bool names_a_value = std::any_of(ours.begin(), ours.end(), [&error](const std::string& name) {
        return !name.empty() && error.message.find(name) != std::string::npos;
    });
    const bool of_client = is_of_client(status);
    if (of_client && names_a_value) {
        return fail(now, chat::failure_kind::bad_request, core::say("runtime.refused/refuses", said), false);
    }
    // Such as a file that only begins like one.
    if (of_client && error.message.find("image") != std::string::npos &&
        !chat::images_of(now.what.prompt).empty()) {
        return fail(now, chat::failure_kind::bad_request, core::say("runtime.refused/image", said), false);
    }
    if (by_template) {
        return fail(now, chat::failure_kind::bad_request, core::say("runtime.refused/chat"), false);
    }
    return fail(now, chat::failure_kind::runtime_failed, core::say("runtime.refused/prompt", status, said),
                status >= first_failure);
}

run_end stream_run::fail_too_long(run_state& now, const context_refusal& refusal,
                                  core::reason message) const {
    const bool fits_next = parts_.too_long && parts_.too_long(now.what.prompt, refusal);
    return fail(now, chat::failure_kind::context_too_long, std::move(message), fits_next);
}

}  // namespace corral::engine::streaming
