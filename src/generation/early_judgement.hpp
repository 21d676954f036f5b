#pragma once
// What can be known of a prompt before its turn comes.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "corral/chat/generation_request.hpp"
#include "corral/chat/render.hpp"
#include "corral/core/async.hpp"
#include "corral/core/time.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/generation/model_directory.hpp"
#include "corral/scheduler/scheduler.hpp"

namespace corral::core {
class worker;
}

namespace corral::generation {

// Whose prompt is counted beside the runs of a model: one at a time, clients in turn, with pauses in between, for the
// running answers are made by the same service. One that failed is left alone for a while. Pure.
class count_turns {
public:
    using ticket = std::uint64_t;
    // Nothing: that client has enough waiting, too many wait in all, or counts of this model failed of late.
    [[nodiscard]] std::optional<ticket> join(const std::string& model, const std::string& client,
                                             core::steady_time now);
    // The turn of one that waits; it does not wait any more then.
    [[nodiscard]] bool begin(const std::string& model, ticket which, core::steady_time now);
    // When a turn may begin; nothing: not before one ends.
    [[nodiscard]] std::optional<core::steady_time> next(const std::string& model) const;
    void leave(const std::string& model, ticket which);
    // The turn that began.
    void end(const std::string& model, bool failed, core::steady_time now);

private:
    struct waiting {
        ticket id = 0;
        std::string client;
    };
    struct place {
        std::deque<waiting> all;
        std::string last;  // the client of the last turn
        std::optional<core::steady_time> began;
        core::steady_time free_at{};
        core::steady_time well_at{};  // counts failed before
    };
    std::map<std::string, place> places_;
    ticket last_ = 0;
};

// What can be known of the length of a prompt before its turn comes: counted exactly, beside the runs of others.

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
