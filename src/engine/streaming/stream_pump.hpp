#pragma once
// One streamed call that goes on by itself, so that whoever waits for it may think of something else
// meanwhile: give up and read the rest to its end, or hang up.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "corral/core/task_group.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/http/reply_stream.hpp"
#include "engine/streaming/stream_protocol.hpp"

namespace corral::engine::streaming {

class stream_pump {
public:
    // `what.until` bounds the way to the head of the answer, `most` the whole call. `bell` rings at every change until
    // abandon(), let_end() or part(), and is borrowed as long. `next`: of the protocol.
    [[nodiscard]] static std::shared_ptr<stream_pump> start(core::task_group& tasks, const core::executor& on,
                                                            http::stream_call call, core::deadline most,
                                                            core::wake_signal& bell, next_call next = {});
    stream_pump(const core::executor& on, core::wake_signal& bell, next_call next)
        : bell_(&bell), taken_(on), next_(std::move(next)) {}

    // Of the head of the answer; nothing before it came.
    [[nodiscard]] std::optional<unsigned> status() const noexcept { return status_; }
    // Bytes that have come since the last call; may be empty. They are bounded: then no more are read before these are
    // taken.
    [[nodiscard]] std::string take();
    [[nodiscard]] bool has_bytes() const noexcept { return !bytes_.empty(); }
    // From now on `take` is called for bytes that come, in place of the bell, until another (or none) takes its place or
    // the bell goes: one coroutine less has to wake for each piece. It must do neither of the two itself.
    void on_bytes(std::function<void()> take) { on_bytes_ = std::move(take); }
    // Nothing more comes once what is there was taken.
    [[nodiscard]] bool ended() const noexcept { return ended_; }
    // Why it ended, where that was not the end of the body.
    [[nodiscard]] const std::optional<core::failure>& trouble() const noexcept { return trouble_; }
    // The bell goes; everything else stays as it is.
    void part() noexcept {
        bell_ = nullptr;
        on_bytes_ = nullptr;
    }
    // Hangs up, soon.
    void abandon();
    // The answer is over, but for the end of its framing: that is waited for, so that the connection can be kept.
    void let_end(core::deadline until);

private:
    static core::awaitable<void> go(std::shared_ptr<stream_pump> self, http::stream_call call,
                                    core::deadline most);
    [[nodiscard]] core::awaitable<void> open(http::stream_call call);
    [[nodiscard]] core::awaitable<void> open_one(http::stream_call call);
    [[nodiscard]] core::awaitable<void> read(core::deadline most);
    void ring();

    core::wake_signal* bell_;
    std::function<void()> on_bytes_;
    core::wake_signal taken_;
    next_call next_;
    std::unique_ptr<http::reply_stream> stream_;
    std::optional<unsigned> status_;
    std::string bytes_;
    std::optional<core::failure> trouble_;
    std::optional<core::deadline> let_end_;
    bool ended_ = false;
    bool abandoned_ = false;
};

}  // namespace corral::engine::streaming
