#pragma once
// What can be known of the length of a prompt before its turn comes: counted exactly, beside the runs of others.

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "corral/chat/generation_request.hpp"
#include "corral/chat/render.hpp"
#include "corral/core/async.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/generation/model_directory.hpp"
#include "corral/scheduler/scheduler.hpp"
#include "generation/count_turns.hpp"

namespace corral::core {
class worker;
}

namespace corral::generation {

// Performs count_turns.
class count_desk {
public:
    count_desk(const core::executor& on, const core::clock_source& clock) : clock_(clock), bell_(on) {}

    // A turn, and a runtime to ask in it.
    class place {
    public:
        place(count_desk& of, std::string model, scheduler::reader runtime, core::deadline until)
            : of_(of), model_(std::move(model)), runtime_(std::move(runtime)), until_(until) {}
        place(const place&) = delete;
        place& operator=(const place&) = delete;
        ~place() { of_.end(model_, failed_); }
        // Counted exactly, or fitting for sure; else a failure.
        [[nodiscard]] core::awaitable<core::result<engine::prompt_measure>> count(
            const chat::rendered_prompt& prompt);
        [[nodiscard]] engine::backend& runtime() const noexcept { return *runtime_; }
        [[nodiscard]] bool any_refused() const noexcept { return refused_; }

    private:
        count_desk& of_;
        std::string model_;
        scheduler::reader runtime_;
        core::deadline until_;
        unsigned counts_ = 0;
        bool refused_ = false;
        bool failed_ = false;
    };

    // Nothing: none runs or waits, so that the turn is as soon; or none can be asked before `until`.
    [[nodiscard]] core::awaitable<std::unique_ptr<place>> enter(const scheduler::scheduler& admission,
                                                                std::string model, std::string client,
                                                                core::deadline until);
    [[nodiscard]] core::steady_time now() const { return clock_.now(); }

private:
    void end(const std::string& model, bool failed);

    const core::clock_source& clock_;
    count_turns turns_;
    core::wake_signal bell_;
};

struct early_question {
    const scheduler::scheduler* admission = nullptr;
    const served_model* model = nullptr;
    const chat::generation_request* request = nullptr;
    const chat::render_options* how = nullptr;
    const chat::rendered_prompt* prompt = nullptr;  // of the whole conversation
    bool may_shorten = false;
    core::deadline until;
    core::worker* elsewhere = nullptr;
};

// That the request can't fit, in the words of its turn; nothing: it fits, or only its turn can tell. Takes a few seconds
// at most. REQUIRES: all that is asked about outlives the call.
[[nodiscard]] core::awaitable<std::optional<chat::failure>> refuse_early(count_desk& desk,
                                                                         early_question about);

}  // namespace corral::generation
