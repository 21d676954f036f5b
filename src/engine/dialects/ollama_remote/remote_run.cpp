#include "engine/dialects/ollama_remote/remote_run.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "corral/core/say.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::engine::ollama_remote {

namespace asio = core::asio;
using namespace streaming;

namespace {

constexpr std::size_t longest_refusal = 64 * 1024;

std::string quoted(const std::string& message) {
    return message.empty() ? std::string() : ": " + telemetry::printable(message, 300);
}

}  // namespace

chat::failure took_too_long() {
    chat::failure late;
    late.kind = chat::failure_kind::timed_out;
    late.message = core::say("request.remote-too-long");
    return late;
}

core::deadline remote_run::silence(core::milliseconds longest, core::deadline until) const {
    return core::deadline::after(longest, clock_.now()).sooner(until);
}

core::awaitable<run_outcome> remote_run::perform(run_spec spec, std::uint32_t likely_tokens) {
    out_.progress.usage.prompt_tokens = likely_tokens;
    out_.progress.reset_confirmed = clock_.now();
    id_ = spec.id;
    wants_thought_ = spec.prompt.thinking;
    step now = co_await open(spec, spec.until);
    while (now == step::go_on && !ended_) {
        now = co_await read(spec.until);
    }
    answer_.reset();
    if (thinks_) {
        take_text({});
    }
    if (control_.cancelled()) {
        out_.end = run_end::cancelled;
        out_.failure.reset();
    } else if (!out_.failure) {
        watch_.served();
    }
    co_return std::move(out_);
}

core::awaitable<remote_run::step> remote_run::open(const run_spec& spec, core::deadline until) {
    auto asked = protocol_.request_for(spec);
    if (!asked) {
        run_failure why;
        why.kind = chat::failure_kind::unsupported;
        why.message = core::say("runtime.remote/unable", asked.error().message);
        co_return failed(std::move(why));
    }
    core::result<http::header_fields> key = co_await watch_.key_headers(until);
    if (!key) {
        co_return out_of_reach(until, key.error().message);
    }
    asked->headers = std::move(*key);
    const step now = co_await connect(std::move(*asked), until);
    if (now == step::over) {
        co_return now;
    }
    if (answer_->status() != 200) {
        const step refused = co_await refuse(until);
        co_return refused;
    }
    out_.progress.prompt_accepted = true;
    out_.progress.generate_accepted = clock_.now();
    reader_ = protocol_.reader(spec);
    co_return step::go_on;
}

core::awaitable<remote_run::step> remote_run::connect(stream_request asked, core::deadline until) {
    using namespace asio::experimental::awaitable_operators;
    const core::deadline never;
    if (control_.cancelled()) {
        co_return step::over;
    }
    const core::deadline soon = silence(clocks_.call, until);
    auto first = co_await (watch_.reach(soon) || control_.bell().wait(never));
    if (first.index() == 1) {
        co_return step::over;
    }
    const auto& at = std::get<0>(first);
    if (!at) {
        co_return out_of_reach(until, at.error().message);
    }
    http::stream_call call;
    call.to = *at;
    call.host = watch_.settings().at.host_header();
    call.target = asked.target;
    call.headers = std::move(asked.headers);
    call.body = std::move(asked.body);
    call.inserts = std::move(asked.inserts);
    // It answers with its first word, and may have to load the model before.
    const core::milliseconds per_token = clocks_.prefill_per_token;
    constexpr std::size_t of_an_image = 1024;  // and it is looked at before
    const auto tokens =
        static_cast<core::milliseconds::rep>(call.body.size() / 4 + call.inserts.size() * of_an_image);
    call.until = silence(clocks_.prefill_base + per_token * tokens, until);
    auto opened = co_await (http::reply_stream::open(std::move(call)) || control_.bell().wait(never));
    if (opened.index() == 1) {
        co_return step::over;
    }
    auto& got = std::get<0>(opened);
    if (!got) {
        co_return unanswered(until, "runtime.remote/silent", got.error().message);
    }
    answer_ = std::move(*got);
    co_return step::go_on;
}

core::awaitable<remote_run::step> remote_run::refuse(core::deadline until) {
    using namespace asio::experimental::awaitable_operators;
    const core::deadline never;
    if (control_.cancelled()) {
        co_return step::over;
    }
    const core::deadline soon = silence(clocks_.call, until);
    auto first = co_await (http::read_all(*answer_, longest_refusal, soon) || control_.bell().wait(never));
    if (first.index() == 1) {
        co_return step::over;
    }
    const auto& body = std::get<0>(first);
    if (!body && until.passed(clock_.now())) {
        co_return failed(took_too_long());
    }
    fail_by(protocol_.error_of(answer_->status(), body ? *body : std::string()));
    out_.failure->retry_after = answer_->retry_after();
    co_return step::over;
}

core::awaitable<remote_run::step> remote_run::read(core::deadline until) {
    using namespace asio::experimental::awaitable_operators;
    const core::deadline never;
    if (control_.cancelled()) {
        co_return step::over;
    }
    const bool begun = out_.progress.first_text != core::steady_time{};
    const core::deadline stall = silence(begun ? clocks_.decode_stall : clocks_.prefill_base, until);
    auto first = co_await (answer_->read(stall) || control_.bell().wait(never));
    if (first.index() == 1) {
        co_return step::over;
    }
    const auto& bytes = std::get<0>(first);
    if (!bytes) {
        co_return unanswered(until, "runtime.remote/lost", bytes.error().message);
    }
    std::vector<answer_part> parts;
    const auto fed = bytes->empty() ? reader_->finish(parts) : reader_->feed(*bytes, parts);
    take(std::move(parts), wants_thought_);
    if (ended_) {
        co_return step::over;
    }
    if (!fed) {
        co_return lost("runtime.remote/garbled", fed.error().message);
    }
    if (bytes->empty()) {
        co_return lost("runtime.remote/lost", core::say("runtime.remote/cut"));
    }
    co_return step::go_on;
}

void remote_run::take(std::vector<answer_part> parts, bool thinking) {
    for (answer_part& part : parts) {
        if (ended_ || control_.cancelled()) {
            return;
        }
        if (auto* text = std::get_if<text_part>(&part)) {
            take_text(std::move(text->text));
        } else if (auto* thought = std::get_if<thinking_part>(&part)) {
            take_thinking(std::move(thought->text), thinking);
        } else if (auto* logprobs = std::get_if<logprobs_part>(&part)) {
            sink_.on_logprobs(std::move(logprobs->tokens));
        } else if (const auto* counted = std::get_if<usage_part>(&part)) {
            const std::uint32_t cached = std::min(counted->cached_tokens, counted->prompt_tokens);
            out_.progress.usage = {counted->prompt_tokens, counted->generated_tokens, true, cached};
        } else if (const auto* took = std::get_if<stages_part>(&part)) {
            out_.progress.stages = took->stages;
        } else if (const auto* end = std::get_if<finish_part>(&part)) {
            out_.end = end->why == finish_part::reason::length ? run_end::length : run_end::stop;
        } else if (const auto* error = std::get_if<error_part>(&part)) {
            fail_by(*error);
        } else {
            ended_ = true;
        }
    }
}

// A thought that the server took out of the text goes back into it: what stands behind separates it.
void remote_run::take_text(std::string text) {
    if (thinks_) {
        thinks_ = false;
        text.insert(0, "</think>");
    }
    give(text);
}

void remote_run::take_thinking(std::string text, bool wanted) {
    if (!wanted) {
        return;
    }
    if (!thinks_) {
        thinks_ = true;
        text.insert(0, "<think>");
    }
    give(text);
}

void remote_run::give(std::string_view piece) {
    if (piece.empty()) {
        return;
    }
    if (out_.progress.first_text == core::steady_time{}) {
        out_.progress.first_text = clock_.now();
    }
    ++out_.progress.usage.generated_tokens;  // a line is a token, until the server counts
    sink_.on_text(piece, out_.progress);
}

void remote_run::fail_by(const error_part& said) {
    run_failure why;
    const std::string at = watch_.settings().at.text();
    if (said.busy) {
        why.kind = chat::failure_kind::unavailable;
        why.message = core::say("runtime.remote/busy", at, quoted(said.message));
        why.retryable = true;
    } else if (said.context) {
        too_long_ = said.context;
        why.kind = chat::failure_kind::context_too_long;
        why.message = core::say("runtime.remote/too-long", at, quoted(said.message));
    } else if (said.status == 400 || said.status == 422) {
        // 422 is another Corral's: its model kept to no format, however often it was asked there.
        why.kind = said.status == 400 ? chat::failure_kind::bad_request : chat::failure_kind::format_unmet;
        why.message = core::say("runtime.remote/refuses", at, quoted(said.message));
    } else {
        lost("runtime.remote/failing",
             said.status == 0 ? core::say("runtime.remote/gave-up", at)
                              : core::say("runtime.remote/answered", at, said.status),
             quoted(said.message));
        return;
    }
    failed(std::move(why));
}

remote_run::step remote_run::lost(remote_fault how, const core::reason& message, const std::string& words) {
    if (!control_.cancelled()) {
        watch_.failed(message, id_);
    }
    run_failure why;
    why.kind = chat::failure_kind::runtime_failed;
    why.message = core::say("runtime.remote/failed", core::say(how, message), words);
    why.retryable = true;
    return failed(std::move(why));
}

// The words name a file or an address of this box; a client is told no more than that the server is away.
remote_run::step remote_run::out_of_reach(core::deadline until, const core::reason& message) {
    return failed(until.passed(clock_.now()) ? took_too_long() : watch_.missed(message));
}

remote_run::step remote_run::unanswered(core::deadline until, remote_fault how, const core::reason& message) {
    return until.passed(clock_.now()) ? failed(took_too_long()) : lost(how, message);
}

remote_run::step remote_run::failed(run_failure why) {
    ended_ = true;
    out_.end = run_end::failed;
    out_.failure = std::move(why);
    return step::over;
}

}  // namespace corral::engine::ollama_remote
