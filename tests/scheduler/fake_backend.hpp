#pragma once
// A backend that follows a script, for tests of what stands above the engine.

#include <cstdlib>
#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "corral/engine/backend.hpp"
#include "run_until.hpp"

namespace corral::test {

// One run. Where a gate is closed the run waits for open_gates() or for its cancellation.
struct scripted_run {
    std::vector<std::string> pieces;
    engine::run_end end = engine::run_end::stop;
    std::optional<engine::run_failure> failure;
    bool gate_before_text = false;
    bool gate_after_text = false;
    bool tells_end_early = false;
    bool gate_before_return = false;  // draining; not ended by a cancellation
    std::optional<engine::availability_state> state_after;
    engine::run_loss loss{};
    chat::token_logprobs logprobs{};  // told so many times, before the first piece and without a text
    int logprobs_told = 0;
    std::uint32_t cached_tokens = 0;  // of the 7 of every prompt
    std::string_view start{};
};

class fake_backend final : public engine::backend {
public:
    explicit fake_backend(boost::asio::io_context& io, std::string name = "tiny:latest")
        : gate_(io.get_executor()), changed_(io.get_executor()) {
        entry.name = std::move(name);
        entry.family = "chatml";
        entry.runtime.services.emplace_back().device = true;  // of its own, not another machine's
    }

    // --- what a test sets ---
    catalog::model_entry entry;
    std::deque<scripted_run> script;  // when empty: `otherwise`
    scripted_run otherwise{{"Hello"}, engine::run_end::stop, {}, false, false, false, false, {}};
    std::uint32_t context = 4096;
    bool verbatim = false;
    bool schemas = false;
    std::vector<std::string_view> honoured{"temperature", "top_k", "top_p", "repeat_penalty"};
    std::uint32_t prompt_limit = 100'000;  // in bytes of the texts, which stand for tokens
    std::deque<core::failure> measure_failures;
    bool measures_too_long = false;  // before a failure
    bool counts_beside = false;      // runs, as measure() does
    std::deque<core::failure> beside_failures;
    bool embeds = false;
    std::deque<chat::failure> embedding_failures;
    core::nanoseconds embeds_for{0};  // the loop stands still meanwhile
    bool echoes_lengths = false;      // each vector begins with the length of its text
    unsigned places = 1;              // runs at once
    engine::device_claim takes;
    std::uint64_t device_losses = 0;
    std::optional<core::steady_time> clears;
    std::vector<std::vector<float>> vectors;
    engine::stated_model says;
    void set(engine::availability_state state, const std::string& reason = {}) {
        state_.state = state;
        state_.reason = core::reason::unlisted(reason);
        changed_.ring();
    }
    void set_load(core::nanoseconds span, std::optional<core::steady_time> next_try = {}) {
        state_.load = span;
        state_.next_try = next_try;
    }
    // start() leads to loading and no further; stop() waits for open_gates(), and then what it says.
    bool starts_slowly = false;
    bool gate_before_stopped = false;
    bool stops_well = true;
    void open_gates() {
        ++opened_;
        gate_.ring();
    }

    // --- what a test reads ---
    std::vector<engine::run_spec> seen;
    int running = 0;
    int most_running = 0;
    int finished = 0;
    engine::learned_sizes shown;
    int cancelled = 0;
    int measures = 0;
    int counted_beside = 0;
    int starts = 0;
    int stops = 0;
    std::vector<std::string> embedded;                    // the last ones
    std::vector<engine::embedding_order> embedded_whole;  // all

    const catalog::model_entry& model() const noexcept override { return entry; }
    supervisor::group& services() noexcept override { std::abort(); }
    engine::availability available() const override { return state_; }
    core::wake_signal& availability_changed() noexcept override { return changed_; }
    engine::backend_facts facts() const noexcept override {
        return {.context_length = context,
                .capacity = places,
                .takes_verbatim = verbatim,
                .takes_schemas = schemas,
                .can_embed = embeds,
                .honoured_sampling = honoured};
    }
    engine::learned_sizes learned() const override { return shown; }
    engine::stated_model stated() const override { return says; }
    engine::device_claim claim() const override { return takes; }
    std::uint64_t outside_faults() const override { return device_losses; }
    std::optional<core::steady_time> clears_at() const override { return clears; }

    core::awaitable<engine::embedding_outcome> embed(engine::embedding_order what) override {
        embedded_whole.push_back(what);
        embedded = std::move(what.texts);
        std::this_thread::sleep_for(embeds_for);
        if (!embedding_failures.empty()) {
            chat::failure why = embedding_failures.front();
            embedding_failures.pop_front();
            co_return why;
        }
        engine::embedding_result made{vectors, 5};
        if (echoes_lengths) {
            made.vectors.clear();
            for (const std::string& each : embedded) {
                made.vectors.push_back({static_cast<float>(each.size()), 1});
            }
        }
        co_return made;
    }

    core::awaitable<core::result<engine::prompt_measure>> measure(const chat::rendered_prompt& prompt,
                                                                  core::deadline until) override {
        ++measures;
        if (!measure_failures.empty()) {
            core::failure why = measure_failures.front();
            measure_failures.pop_front();
            if (measures_too_long) {
                (void)co_await changed_.wait(until);
            }
            co_return why;
        }
        engine::prompt_measure out;
        out.system_tokens = static_cast<std::uint32_t>(prompt.system.size());
        out.turn_tokens = static_cast<std::uint32_t>(prompt.turns.size());
        out.limit = prompt_limit;
        out.fits = out.system_tokens + out.turn_tokens <= prompt_limit;
        out.exact = true;
        co_return out;
    }

    core::awaitable<core::result<engine::prompt_measure>> count_beside(const chat::rendered_prompt& prompt,
                                                                       core::deadline until) override {
        if (!counts_beside) {
            co_return core::make_failure(core::errc::refused, core::reason::unlisted("not beside"));
        }
        ++counted_beside;
        if (!beside_failures.empty()) {
            core::failure why = beside_failures.front();
            beside_failures.pop_front();
            co_return why;
        }
        --measures;
        auto measuring = measure(prompt, until);
        co_return co_await std::move(measuring);
    }

    core::awaitable<engine::run_outcome> run(
        engine::run_spec what, engine::run_sink& sink, engine::run_control& control,
        std::function<void(const engine::run_outcome&)> on_end) override {
        scripted_run now = otherwise;
        if (!script.empty()) {
            now = std::move(script.front());
            script.pop_front();
        }
        seen.push_back(std::move(what));
        most_running = std::max(most_running, ++running);
        engine::run_outcome out;
        out.end = now.end;
        out.failure = now.failure;
        out.loss = now.loss;
        out.progress.reset_confirmed = std::chrono::steady_clock::now();
        out.progress.generate_accepted = out.progress.reset_confirmed;
        out.progress.prompt_accepted = true;
        out.progress.usage.prompt_tokens = 7;
        out.progress.usage.cached_tokens = now.cached_tokens;
        out.progress.start = now.start;
        if (now.gate_before_text) {
            co_await gate(control, true);
        }
        for (int told = 0; told < now.logprobs_told && !control.cancelled(); ++told) {
            sink.on_logprobs(now.logprobs);
        }
        for (const std::string& piece : now.pieces) {
            if (control.cancelled()) {
                break;
            }
            if (out.progress.usage.generated_tokens++ == 0) {
                out.progress.first_text = std::chrono::steady_clock::now();
            }
            sink.on_text(piece, out.progress);
        }
        if (now.gate_after_text) {
            co_await gate(control, true);
        }
        if (control.cancelled()) {
            ++cancelled;
            out.end = engine::run_end::cancelled;
            out.failure.reset();
            out.loss = {};
        }
        if (now.tells_end_early && on_end) {
            on_end(out);
        }
        if (now.gate_before_return) {
            co_await gate(control, false);
        }
        if (now.state_after) {
            set(*now.state_after);
        }
        out.loss = now.loss;  // also one that shows after its end
        --running;
        ++finished;
        co_return out;
    }

    void start() override {
        ++starts;
        const bool down = state_.state == engine::availability_state::stopped ||
                          state_.state == engine::availability_state::broken;
        if (down) {
            set(starts_slowly ? engine::availability_state::loading : engine::availability_state::ready);
        }
    }
    core::awaitable<bool> stop(core::deadline) override {
        ++stops;
        most_held_at_stop = std::max(most_held_at_stop, running);
        if (gate_before_stopped) {
            set(engine::availability_state::loading, "stopping");
            const int before = opened_;
            while (opened_ == before) {
                const auto until =
                    core::deadline::after(core::milliseconds{5}, std::chrono::steady_clock::now());
                co_await gate_.wait(until);
            }
        }
        const bool well = stops_well;
        if (well) {
            set(engine::availability_state::stopped);
        }
        co_return well;
    }
    int most_held_at_stop = 0;  // runs that a stop met

private:
    core::awaitable<void> gate(engine::run_control& control, bool cancellable) {
        const int before = opened_;
        while (opened_ == before && !(cancellable && control.cancelled())) {
            const auto until = core::deadline::after(core::milliseconds{5}, std::chrono::steady_clock::now());
            co_await gate_.wait(until);
        }
    }

    engine::availability state_ = [] {
        engine::availability out;
        out.state = engine::availability_state::ready;
        return out;
    }();
    core::wake_signal gate_;
    core::wake_signal changed_;
    int opened_ = 0;
};

// Runs the loop until `done`, for at most ten seconds. Whether it came to that.
using corral::run_until;

// Runs what is ready to run now.
inline void settle(boost::asio::io_context& io) {
    io.restart();
    io.poll();
}

}  // namespace corral::test
