// The box proves to itself, while idle, that a turn behind the cache is the same as one computed anew.

#include <algorithm>
#include <ctime>
#include <functional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "corral/catalog/placement.hpp"
#include "corral/chat/family.hpp"
#include "corral/core/say.hpp"
#include "corral/core/time.hpp"
#include "corral/telemetry/log.hpp"
#include "engine/dialects/ax_poll/ax_poll_backend.hpp"
#include "engine/dialects/ax_poll/proof_store.hpp"

namespace corral::engine::ax_poll {

namespace {

constexpr core::seconds most_of_a_turn{120};
constexpr core::seconds disk_patience{30};
constexpr core::seconds hand_over_pause{5};
constexpr int spans_between_insisting = 6;  // of `compare_after`
constexpr unsigned most_misses = 3;
constexpr std::uint32_t first_tokens =
    12;  // whole pieces, so that the stop at the limit keeps all but the last
constexpr std::uint32_t compared_tokens = 24;
constexpr std::size_t conversations = 2;
constexpr std::string_view owner_of_it = "\x01proof";  // no client's key

class silent_sink final : public run_sink {
public:
    void on_text(std::string_view /*piece*/, const run_progress& /*now*/) override {}
};

std::string asked(const chat::family& format, std::string_view question) {
    std::string out(format.turn_open);
    out.append(format.user_header).append(question).append(format.turn_close);
    out.append(format.turn_open).append(format.assistant_header).append(format.thinking_skipped);
    return out;
}

// A short conversation, and one whose first prompt is longer than a chunk where the context has room for it.
std::string first_question(std::size_t conversation, const catalog::context_sizes& sizes) {
    if (conversation == 0) {
        return "Name five rivers and say where each of them flows.";
    }
    const std::size_t bytes = std::min<std::size_t>(sizes.chunk + sizes.chunk / 4, sizes.prompt_limit / 2);
    std::string out = "Add these numbers:";
    for (unsigned number = 7; out.size() < bytes; number = (number * 31 + 11) % 97) {
        out += " " + std::to_string(number);
    }
    return out;
}

std::string_view further_question(std::size_t conversation) {
    return conversation == 0 ? "Which of them is the longest?" : "Which of them is the largest?";
}

}  // namespace

// What the proof task shares with its backend.
struct ax_poll_backend::proof_task {
    explicit proof_task(const core::executor& on) : bell(on) {}
    core::wake_signal bell;  // a run, an end, or the stop
    bool running = false;
    bool closed = false;
    bool insists = false;
    run_control* turn = nullptr;  // of the proof
    core::steady_time not_before{};
    core::steady_time no_insisting_before{};
    // What was found so far.
    std::size_t conversation = 0;
    std::string text;   // the further turn that was played behind the cache, and is to be played anew
    proof_turn behind;  // ... and what came of it
    std::vector<token_ids> first;
    std::vector<token_ids> second;
};

// Of a task that waits, nothing of the backend is touched any more.
void ax_poll_backend::close_proof() {
    if (proof_task_) {
        proof_task_->closed = true;
        proof_task_->bell.ring();
    }
}

void ax_poll_backend::wake_proof() {
    if (proof_task_) {
        proof_task_->bell.ring();
    }
}

void ax_poll_backend::yield_proof() const {
    if (proof_task_ && proof_task_->turn != nullptr && !proof_task_->insists) {
        proof_task_->turn->cancel();
    }
}

void ax_poll_backend::pause_proof() const {
    if (proof_task_) {
        proof_task_->insists = false;
        proof_task_->not_before = context_.clock->now() + hand_over_pause;
        yield_proof();
    }
}

void ax_poll_backend::begin_proof() {
    const bool wanted =
        model_.reuse == catalog::reuse_policy::automatic && !keeps_nothing() && takes_verbatim();
    if (!wanted || proof_.says != reuse_proof::verdict::open || (proof_task_ && proof_task_->running)) {
        return;
    }
    proof_task_ = std::make_shared<proof_task>(context_.on);
    proof_task_->running = true;
    last_use_.reset();
    context_.tasks->spawn("reuse of " + catalog::label_of(model_), prove_when_idle(proof_task_));
}

// Where it insists, its two turns follow each other.
core::awaitable<void> ax_poll_backend::let_proof_end(core::deadline until) {
    const std::shared_ptr<proof_task> task = proof_task_;
    while (proving_ && task->insists && !until.passed(context_.clock->now())) {
        const core::wake_reason why = co_await task->bell.wait(until);
        if (why == core::wake_reason::cancelled) {
            break;
        }
    }
}

core::awaitable<void> ax_poll_backend::end_proof(core::deadline until) {
    const std::shared_ptr<proof_task> task = proof_task_;
    if (!task) {
        co_return;
    }
    close_proof();
    if (task->turn != nullptr) {
        task->turn->cancel();
    }
    while (task->running && !until.passed(context_.clock->now())) {
        (void)co_await task->bell.wait(until);
    }
}

// When to look again; a moment that has passed: now is the time.
core::steady_time ax_poll_backend::proof_due(proof_task& task, core::steady_time since) const {
    const core::steady_time now = context_.clock->now();
    const proof_pace pace =
        pace_of_proof(now - since, model_.runtime.clocks.compare_after, last_use_.has_value());
    task.insists =
        pace.insists && last_use_.has_value() && now >= task.no_insisting_before && now >= task.not_before;
    if (task.insists) {
        return now;
    }
    if (cycle_.busy() || context_.activity->busy()) {
        return now + core::seconds{1};  // the bell tells sooner, of this model
    }
    return std::max(std::max(last_use_.value_or(since), context_.activity->last()) + pace.idle,
                    task.not_before);
}

core::awaitable<void> ax_poll_backend::prove_when_idle(std::shared_ptr<proof_task> task) {
    auto recalling = recall_kept_proof(task);
    const proof_place place = co_await std::move(recalling);
    const core::steady_time since = context_.clock->now();
    for (unsigned misses = 0; !task->closed && proof_.says == reuse_proof::verdict::open;) {
        const core::steady_time due = proof_due(*task, since);
        if (due > context_.clock->now()) {
            const core::wake_reason why = co_await task->bell.wait(core::deadline{due});
            if (why == core::wake_reason::cancelled) {
                break;
            }
            continue;
        }
        if (epochs_.runtime().state != supervisor::service_state::ready) {
            break;  // the next start begins another
        }
        if (task->insists) {
            task->no_insisting_before =
                context_.clock->now() + model_.runtime.clocks.compare_after * spans_between_insisting;
        }
        auto proving = prove(task);
        const proof_step step = co_await std::move(proving);
        misses += step == proof_step::missed ? 1 : 0;
        if (task->closed || misses == most_misses) {
            break;
        }
    }
    if (!task->closed && proof_.says == reuse_proof::verdict::open && proof_.why.empty()) {
        proof_.why = core::say("model.reuse-off/no-end");
        changed_.ring();
    }
    if (!task->closed && proof_.says != reuse_proof::verdict::open && !place.file.empty()) {
        auto keeping = keep_found_proof(place);
        co_await std::move(keeping);
    }
    task->running = false;
    task->bell.ring();
}

// Where to keep what is found; without a file: there is no place for one, or a verdict was in it.
core::awaitable<proof_place> ax_poll_backend::recall_kept_proof(std::shared_ptr<proof_task> task) {
    if (model_.files_folder.empty() || context_.disk == nullptr) {
        co_return proof_place{};
    }
    runtime_command runtime{runtime_words_, {}, model_.runtime.device.host.pci};
    for (const catalog::service_template& service : model_.runtime.services) {
        if (service.name == places_.runtime) {
            runtime.as_named = service.command;
        }
    }
    using answer = std::pair<proof_place, reuse_proof>;
    std::function<answer()> work = [package = model_.package, runtime, folder = model_.files_folder] {
        (void)remove_stale_proofs(folder);
        proof_place place = proof_place_of(folder, package, runtime);
        auto kept = recall_proof(place);
        return answer{std::move(place), std::move(kept)};
    };
    const core::deadline until = core::deadline::after(disk_patience, context_.clock->now());
    auto reading = context_.disk->run(model_.files_folder.string(), std::move(work), until);
    const auto got = co_await std::move(reading);
    if (task->closed || !got) {
        co_return proof_place{};
    }
    proof_ = got->second;
    changed_.ring();
    if (proof_.says != reuse_proof::verdict::open) {
        co_return proof_place{};
    }
    co_return got->first;
}

core::awaitable<void> ax_poll_backend::keep_found_proof(proof_place place) {
    const std::string name = catalog::label_of(model_);
    std::function<std::string()> work = [place, proof = proof_] { return keep_proof(place, proof); };
    const core::deadline until = core::deadline::after(disk_patience, context_.clock->now());
    auto writing = context_.disk->run(model_.files_folder.string(), std::move(work), until);
    const auto got = co_await std::move(writing);
    const std::string why = got ? *got : got.error().message.text();
    if (!why.empty()) {
        telemetry::warn(core::say("runtime.cache-foreign/not-kept", name, why));
    }
}

// One turn with this text; no answer: it was cut short, or did not go as meant.
core::awaitable<ax_poll_backend::proof_turn> ax_poll_backend::play(std::shared_ptr<proof_task> task,
                                                                   std::string text, std::uint32_t tokens) {
    proof_turn out;
    run_spec what;
    what.id = "reuse-proof";
    what.owner = owner_of_it;
    what.prompt.verbatim = true;
    what.prompt.turns = std::move(text);
    what.sampling.temperature = 0.0;
    what.max_tokens = tokens;
    what.until = core::deadline::after(most_of_a_turn, context_.clock->now());
    what.expendable = true;
    silent_sink sink;
    run_control control(context_.on);
    const shown_control shown(task->turn, control);
    std::function<void(const run_outcome&)> no_listener;
    run_outcome got;
    got = co_await cycle_.run(std::move(what), sink, control, std::move(no_listener), true);
    const bool ended = got.end == run_end::stop || got.end == run_end::length;
    out.cut_short = control.cancelled() || task->closed;
    if (ended && !out.cut_short) {
        out.continued = got.progress.usage.cached_tokens > 0;
        out.prompt = cycle_.whole();
        out.answer = places_.tap->tokens().all();
    }
    co_return out;
}

// The two turns of a conversation, one behind the other.
core::awaitable<ax_poll_backend::proof_step> ax_poll_backend::prove_behind(std::shared_ptr<proof_task> task) {
    const chat::family& format = *chat::find_family(model_.family);
    std::string first(format.bos);
    first += asked(format, first_question(task->conversation, sizes()));
    auto beginning = play(task, std::move(first), first_tokens);
    const proof_turn one = co_await std::move(beginning);
    if (one.cut_short) {
        co_return proof_step::cut_short;
    }
    if (one.answer.empty() || !cycle_.spoken()) {
        co_return proof_step::missed;
    }
    std::string text = cycle_.spoken()->text;
    text.append(format.assistant_end).append(format.turn_close);
    text += asked(format, further_question(task->conversation));
    std::string further = text;
    auto going_on = play(task, std::move(further), compared_tokens);
    proof_turn two = co_await std::move(going_on);
    if (two.cut_short) {
        co_return proof_step::cut_short;
    }
    if (two.answer.empty() || !two.continued) {
        co_return proof_step::missed;
    }
    task->text = std::move(text);
    task->behind = std::move(two);
    co_return proof_step::made;
}

// The further turn once more, by the same ids and from a reset: the cache holds more than these, or something else.
core::awaitable<ax_poll_backend::proof_step> ax_poll_backend::prove_anew(std::shared_ptr<proof_task> task) {
    verbatim_.keep(task->text, task->behind.prompt);
    std::string text = task->text;
    auto playing = play(task, std::move(text), compared_tokens);
    const proof_turn got = co_await std::move(playing);
    if (got.cut_short) {
        co_return proof_step::cut_short;
    }
    if (got.answer.empty() || got.continued || got.prompt != task->behind.prompt) {
        co_return proof_step::missed;
    }
    task->first.push_back(std::move(task->behind.answer));
    task->second.push_back(got.answer);
    task->behind = proof_turn{};
    ++task->conversation;
    co_return proof_step::made;
}

core::awaitable<ax_poll_backend::proof_step> ax_poll_backend::prove(std::shared_ptr<proof_task> task) {
    proving_ = true;
    proof_step step = proof_step::missed;
    if (task->behind.answer.empty()) {
        step = co_await prove_behind(task);
    } else {
        step = co_await prove_anew(task);
    }
    proving_ = false;
    task->bell.ring();
    if (step == proof_step::made && task->conversation == conversations) {
        proof_ = compare_answers(task->first, task->second,
                                 core::utc_text(std::chrono::system_clock::now(), "%Y-%m-%d"));
        telemetry::log().info("{}: {}", catalog::label_of(model_), proof_.why);
        changed_.ring();
    }
    co_return step;
}

}  // namespace corral::engine::ax_poll
