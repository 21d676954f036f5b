// What a server that has just been started is asked before it serves: what it says of its model, and a short answer.

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "corral/core/say.hpp"
#include "corral/http/client.hpp"
#include "engine/first_answer.hpp"
#include "engine/streaming/stream_backend.hpp"

namespace corral::engine::streaming {

namespace {

constexpr std::string_view system_words = "first text";
constexpr std::string_view question_words = "second text";

chat::rendered_prompt talk_about_nothing() {
    chat::rendered_prompt out;
    out.messages = {{"system", std::string(system_words)},
                    {"user", std::string(question_words)},
                    {"assistant", "third"},
                    {"user", "fourth"}};
    return out;
}

bool has_system_behind(std::string_view text) {
    const std::size_t system = text.find(system_words);
    return system != std::string_view::npos && system > text.find(question_words);
}

}  // namespace

core::awaitable<void> stream_backend::ask_for_model() {
    const std::string target = protocol_->model_question();
    if (target.empty()) {
        co_return;
    }
    http::client_call call;
    call.to = places_.runtime_at;
    call.gone = [this] { return runtime_is_gone(); };
    call.target = target;
    call.until = core::deadline::after(model_.runtime.clocks.call, context_.clock->now());
    const auto answer = co_await http::call(std::move(call));
    if (answer && answer->status == 200) {
        stated_ = protocol_->model_in(answer->body);
        sizes_.note_stated(protocol_->sizes_in(answer->body));
    }
}

core::awaitable<void> stream_backend::ask_for_template() {
    auto question = protocol_->size_question(talk_about_nothing(), std::nullopt);
    if (!question || model_.runtime.traits.counts != catalog::count_source::llama_cpp) {
        co_return;
    }
    http::client_call call;
    call.to = places_.runtime_at;
    call.gone = [this] { return runtime_is_gone(); };
    call.method = "POST";
    call.target = std::move(question->target);
    call.content_type = "application/json";
    call.body = std::move(question->body);
    call.until = core::deadline::after(model_.runtime.clocks.call, context_.clock->now());
    const auto answer = co_await http::call(std::move(call));
    if (answer && answer->status == 200) {
        const core::result<size_answer> said = protocol_->size_in(answer->body);
        protocol_->note_system_at_question(said && has_system_behind(said->text));
    }
}

core::awaitable<core::result<void>> stream_backend::self_test() {
    using catalog::cancel_method;
    look_at_services();
    co_await ask_for_model();
    if (!catalog::can(model_, "completion")) {
        embedding_order what{.texts = {"OK"}, .until = {}};
        what.until = core::deadline::after(clocks_.prefill.limit(1), context_.clock->now());
        const embedding_outcome made = co_await ask_for_vectors(std::move(what));
        if (!made) {
            co_return core::make_failure(core::errc::unavailable,
                                         core::say("runtime.first-test/test-vector", made.error().message));
        }
        co_return core::result<void>{};
    }
    co_await ask_for_template();
    first_question ask{.text = "Say only: OK", .until = {}};
    ask.control = control_of_first_test();
    const std::uint32_t tokens = estimated_tokens(model_.default_system) + estimated_tokens(ask.text);
    ask.until =
        core::deadline::after(clocks_.prefill.limit(tokens) + clocks_.decode.limit(), context_.clock->now());
    // A server that can't be stopped ends its short answer sooner than it is replaced.
    const cancel_method how = model_.runtime.traits.cancel;
    ask.may_be_stopped = how != cancel_method::drain && how != cancel_method::restart;
    first_run run = [this](run_spec spec, run_sink& sink, run_control& control) {
        std::function<void(const run_outcome&)> no_listener;
        return runs_.run(std::move(spec), sink, control, std::move(no_listener), false);
    };
    const auto answered = co_await ask_first_question(context_.on, model_, std::move(ask), std::move(run));
    co_return answered;
}

}  // namespace corral::engine::streaming
