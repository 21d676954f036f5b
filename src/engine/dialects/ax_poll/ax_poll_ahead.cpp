// While nobody waits, the runtime computes what the next prompt will most likely begin with (docs/polled_cycle.md#ahead).

#include <algorithm>
#include <utility>

#include "corral/catalog/placement.hpp"
#include "engine/dialects/ax_poll/ahead_policy.hpp"
#include "engine/dialects/ax_poll/ax_poll_backend.hpp"
#include "engine/dialects/ax_poll/context_policy.hpp"

namespace corral::engine::ax_poll {

namespace {

constexpr core::seconds tokenizer_patience{10};
constexpr core::milliseconds look_again{250};
// What a user may say, beginning otherwise than any words that are expected: what the ids of both have in common is
// there whatever is said.
constexpr std::string_view other_words = "\n7";

token_ids common_beginning(const token_ids& one, const token_ids& other) {
    const auto differ = std::mismatch(one.begin(), one.end(), other.begin(), other.end());
    return {one.begin(), differ.first};
}

// Its texts up to the words; nothing: they are not in it.
std::optional<std::string_view> before_words(const next_prompts& next) {
    const std::string& turns = next.of_conversation.turns;
    const std::size_t at = next.words.empty() ? std::string::npos : turns.rfind(next.words);
    return at == std::string::npos ? std::nullopt : std::optional(std::string_view(turns).substr(0, at));
}

bool continues(const next_prompts& next, const run_spec& spec) {
    const auto beginning = before_words(next);
    return beginning && spec.owner == next.owner && spec.prompt.verbatim == next.of_conversation.verbatim &&
           spec.prompt.system == next.of_conversation.system && spec.prompt.turns.starts_with(*beginning);
}

}  // namespace

// What the task shares with its backend.
struct ax_poll_backend::ahead_task {
    explicit ahead_task(const core::executor& on) : bell(on) {}
    core::wake_signal bell;  // a hint, the end of its work, or the stop
    bool running = false;
    bool closed = false;
    bool works = false;           // the runtime, or its tokenizer, for it
    run_control* turn = nullptr;  // of that work
};

bool ax_poll_backend::computes_ahead() const noexcept {
    return model_.ahead && rule_of_reuse().on && !proving_ && known(sizes());
}

void ax_poll_backend::expect(chat::rendered_prompt next, std::string words, std::string owner) {
    next_.of_conversation = std::move(next);
    next_.words = std::move(words);
    next_.owner = std::move(owner);
    if (ahead_task_) {
        ahead_task_->bell.ring();
    }
}

void ax_poll_backend::close_ahead() {
    if (ahead_task_) {
        ahead_task_->closed = true;
        yield_ahead();
        ahead_task_->bell.ring();
    }
}

void ax_poll_backend::yield_ahead() const {
    if (ahead_task_ && ahead_task_->turn != nullptr) {
        ahead_task_->turn->cancel();
    }
}

core::awaitable<void> ax_poll_backend::let_ahead_end(core::deadline until) {
    const std::shared_ptr<ahead_task> task = ahead_task_;
    while (task && task->works && !until.passed(context_.clock->now())) {
        const core::wake_reason why = co_await task->bell.wait(until);
        if (why == core::wake_reason::cancelled) {
            break;
        }
    }
}

// What the request is to the last one; the ids of both are known once it has run.
void ax_poll_backend::note_turn(const run_spec& spec, core::steady_time came) {
    if (spec.aside) {
        return;
    }
    next_.came = came;
    next_.goes_on = continues(next_, spec);
    next_.same_owner = spec.owner == next_.owner;
    if (!next_.same_owner) {
        next_.of_conversation = {};
        next_.words.clear();
    }
    next_.owner = spec.owner;
}

void ax_poll_backend::note_ended(const run_outcome& out, bool aside, core::nanoseconds waited) {
    const core::steady_time now = context_.clock->now();
    if (out.progress.start == "ahead") {
        ahead_.hit(prefill_spared(out.progress.usage.cached_tokens, out.progress.usage.prompt_tokens,
                                  [this](std::size_t tokens) { return reading_of(tokens); }));
    } else if (waited > core::nanoseconds{0}) {
        ahead_.held_up(waited);
    }
    next_.ended = now;
    if (!aside && !out.failure) {  // one that failed is run again, and is no other turn
        token_ids prompt = cycle_.whole();
        token_ids shared = next_.same_owner ? common_beginning(prompt, next_.last) : token_ids{};
        // In whole chunks, which is what reading costs: two clocks begin alike by chance too.
        const std::size_t chunk = std::max(sizes().chunk, 1U);
        shared.resize(shared.size() / chunk * chunk);
        if (shared.size() < 2 * chunk) {
            shared.clear();
        }
        if (next_.answered != core::steady_time{} && !prompt.empty()) {
            const next_turn what = next_.goes_on     ? next_turn::continues
                                   : !shared.empty() ? next_turn::shares
                                                     : next_turn::other;
            ahead_.note(what, next_.came - next_.answered, reading_of(next_.last.size()), now);
        }
        next_.last = std::move(prompt);
        next_.shared = std::move(shared);
        next_.answered = now;
        next_.of_conversation = {};
        next_.words.clear();
    }
    next_.tried = false;
    begin_ahead();
}

void ax_poll_backend::begin_ahead() {
    if (next_.tried || !computes_ahead() || ahead_.odds(false) == 0.0 ||
        (ahead_task_ && ahead_task_->running)) {
        return;
    }
    ahead_task_ = std::make_shared<ahead_task>(context_.on);
    ahead_task_->running = true;
    context_.tasks->spawn("ahead of " + catalog::label_of(model_), compute_when_idle(ahead_task_));
}

// A moment that has passed: now is the time.
core::steady_time ax_poll_backend::ahead_due() const {
    if (cycle_.busy() || context_.activity->busy() || proving_) {
        return context_.clock->now() + look_again;
    }
    return std::max(next_.ended, context_.activity->last()) + ahead_.pause();
}

core::awaitable<void> ax_poll_backend::compute_when_idle(std::shared_ptr<ahead_task> task) {
    while (!task->closed && !next_.tried) {
        const core::steady_time due = ahead_due();
        if (due > context_.clock->now()) {
            const core::wake_reason why = co_await task->bell.wait(core::deadline{due});
            if (why == core::wake_reason::cancelled) {
                break;
            }
            continue;
        }
        if (epochs_.runtime().state != supervisor::service_state::ready || !computes_ahead()) {
            break;
        }
        next_.tried = true;  // once for each answer, whatever comes of it
        task->works = true;
        auto computing = compute_ahead(task);
        co_await std::move(computing);
        task->works = false;
        task->bell.ring();
    }
    task->running = false;
    task->bell.ring();
}

// The ids with which any next turn of the conversation begins; none: it is not known, or somebody came.
core::awaitable<token_ids> ax_poll_backend::beginning_of_next(std::shared_ptr<ahead_task> task) {
    const auto beginning = before_words(next_);
    if (!beginning) {
        co_return token_ids{};
    }
    const chat::rendered_prompt prompt = next_.of_conversation;
    std::string other = prompt.turns;
    other.replace(beginning->size(), next_.words.size(), other_words);
    const std::string texts[2] = {prompt.turns, std::move(other)};
    token_ids seen[2];
    const call_mark asking(tokenizer_calls_);
    const core::deadline until = core::deadline::after(tokenizer_patience, context_.clock->now());
    for (std::size_t i = 0; i < 2; ++i) {
        std::string system = prompt.system;
        std::string turns = texts[i];
        verbatim_encoder::predicate unwanted = [task] { return task->closed || task->turn->cancelled(); };
        // As the prompt itself will be (cycle_fsm): behind what the cache holds where it goes on with that.
        const bool composes = cycle_.spoken() && cycle_.held_bytes(prompt, next_.owner) > 0;
        const spoken_text* const spoken = composes ? &*cycle_.spoken() : nullptr;
        core::result<token_ids> ids = token_ids{};
        if (prompt.verbatim) {
            ids = co_await verbatim_.encode(std::move(turns), until, std::move(unwanted), spoken);
        } else {
            ids = co_await verbatim_.encode_wrapped(std::move(system), std::move(turns), until,
                                                    std::move(unwanted), spoken);
        }
        if (task->closed || !ids) {
            co_return token_ids{};
        }
        seen[i] = std::move(*ids);
    }
    co_return common_beginning(seen[0], seen[1]);
}

core::awaitable<void> ax_poll_backend::compute_ahead(std::shared_ptr<ahead_task> task) {
    run_control control(context_.on);
    const shown_control shown(task->turn, control);
    auto encoding = beginning_of_next(task);
    token_ids of_conversation = co_await std::move(encoding);
    token_ids ids;
    if (!task->closed && !control.cancelled()) {
        beginnings of{std::move(of_conversation), next_.shared, cycle_.held_for(next_.owner)};
        ids = best_beginning(ahead_, std::move(of), sizes(),
                             [this](std::size_t tokens) { return reading_of(tokens); });
    }
    if (!ids.empty()) {
        const prompt_size size{static_cast<std::uint32_t>(ids.size()), sizes().chunk};
        const core::deadline until = core::deadline::after(
            clocks_.reset.limit(size) + model_.runtime.clocks.scrub, context_.clock->now());
        std::string owner = next_.owner;
        const run_end how = co_await cycle_.compute_ahead(std::move(ids), std::move(owner), control, until);
        if (how == run_end::stop) {
            ahead_.made();
        } else if (how == run_end::failed && !task->closed) {
            ahead_.failed();  // whoever has come meanwhile waited for it too
        }
    }
}

}  // namespace corral::engine::ax_poll
