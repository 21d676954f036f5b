#include "engine/first_answer.hpp"

#include <string_view>
#include <utility>

#include "corral/core/say.hpp"

namespace corral::engine {

namespace {

// The first few tokens may be parts of one character, which are no text yet.
constexpr unsigned most_tokens = 12;

class first_text_sink final : public run_sink {
public:
    first_text_sink(run_control& control, bool stops) : control_(control), stops_(stops) {}
    void on_text(std::string_view piece, const run_progress&) override {
        if (piece.empty()) {
            return;
        }
        seen_ = true;
        if (stops_) {
            control_.cancel();
        }
    }
    [[nodiscard]] bool seen() const noexcept { return seen_; }

private:
    run_control& control_;
    bool stops_;
    bool seen_ = false;
};

}  // namespace

core::awaitable<core::result<void>> ask_first_question(core::executor on, const catalog::model_entry& model,
                                                       first_question ask, first_run run) {
    run_spec what;
    what.id = "self-test";
    what.prompt.system = model.default_system.empty() ? "You are a helpful assistant." : model.default_system;
    what.prompt.turns = ask.text;
    what.prompt.messages = {{"system", what.prompt.system}, {"user", what.prompt.turns}};
    what.sampling.temperature = 0.0;
    if (ask.may_be_stopped) {
        what.max_tokens = most_tokens;
    }
    what.until = ask.until;
    const std::shared_ptr<run_control> control =
        ask.control != nullptr ? ask.control : std::make_shared<run_control>(on);
    first_text_sink sink(*control, ask.may_be_stopped);
    auto running = run(std::move(what), sink, *control);
    const run_outcome got = co_await std::move(running);
    if (got.failure) {
        co_return core::make_failure(core::errc::unavailable,
                                     core::say("runtime.first-test/test-answer", got.failure->message));
    }
    if (!sink.seen()) {
        co_return core::make_failure(core::errc::unavailable, core::say("runtime.first-test/first-test"));
    }
    co_return core::result<void>{};
}

}  // namespace corral::engine
