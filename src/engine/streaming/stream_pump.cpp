#include "engine/streaming/stream_pump.hpp"

#include <utility>
#include <variant>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "corral/core/say.hpp"

namespace corral::engine::streaming {

namespace {

using core::asio::experimental::awaitable_operators::operator||;

constexpr std::size_t most_waiting = 256UL * 1024;  // until they are taken, no more are read
constexpr std::size_t most_before = 64UL * 1024;    // of an answer that another call may follow

}  // namespace

std::shared_ptr<stream_pump> stream_pump::start(core::task_group& tasks, const core::executor& on,
                                                http::stream_call call, core::deadline most,
                                                core::wake_signal& bell, next_call next) {
    auto pump = std::make_shared<stream_pump>(on, bell, std::move(next));
    tasks.spawn("a streamed call", go(pump, std::move(call), most));
    return pump;
}

std::string stream_pump::take() {
    std::string out = std::exchange(bytes_, {});
    if (!out.empty()) {
        taken_.ring();
    }
    return out;
}

void stream_pump::abandon() {
    part();
    abandoned_ = true;
    if (stream_) {
        stream_->hang_up();
    }
    taken_.ring();
}

void stream_pump::let_end(core::deadline until) {
    if (!stream_) {
        abandon();
        return;
    }
    part();
    bytes_.clear();
    let_end_ = until;
    stream_->read_until(until);
    taken_.ring();
}

void stream_pump::ring() {
    if (bell_ != nullptr) {
        bell_->ring();
    }
}

core::awaitable<void> stream_pump::go(std::shared_ptr<stream_pump> self, http::stream_call call,
                                      core::deadline most) {
    co_await self->open(std::move(call));
    if (self->stream_ && !self->abandoned_) {
        co_await self->read(most);
    }
    self->stream_.reset();
    if (self->abandoned_) {
        self->trouble_ = core::make_failure(core::errc::cancelled, core::say("runtime.given-up/call"));
    }
    self->ended_ = true;
    self->ring();
}

core::awaitable<void> stream_pump::open(http::stream_call call) {
    http::stream_call asked;
    if (next_) {
        asked = call;
    }
    co_await open_one(std::move(call));
    core::deadline ever;
    while (next_ && stream_ && asked.method == "POST") {
        auto first = co_await (http::read_all(*stream_, most_before, asked.until) || taken_.wait(ever));
        if (first.index() != 0) {
            co_return;  // it was abandoned
        }
        auto& body = std::get<0>(first);
        if (!body) {
            trouble_ = body.error();
            stream_.reset();
            co_return;
        }
        if (!next_(asked, stream_->status(), *body)) {
            bytes_ = std::move(*body);
            break;
        }
        stream_.reset();
        http::stream_call following = asked;
        co_await open_one(std::move(following));
    }
    if (stream_) {
        status_ = stream_->status();
        ring();
    }
}

core::awaitable<void> stream_pump::open_one(http::stream_call call) {
    if (abandoned_) {
        co_return;
    }
    core::deadline ever;
    auto first = co_await (http::reply_stream::open(std::move(call)) || taken_.wait(ever));
    if (first.index() != 0) {
        co_return;  // nothing is taken before a head: it was abandoned
    }
    auto& opened = std::get<0>(first);
    if (!opened) {
        trouble_ = opened.error();
        co_return;
    }
    stream_ = std::move(*opened);
}

core::awaitable<void> stream_pump::read(core::deadline most) {
    core::deadline ever;
    while (!abandoned_) {
        const core::deadline until = let_end_ ? *let_end_ : most;
        auto got = co_await stream_->read(until);
        if (!got) {
            trouble_ = got.error();
            co_return;
        }
        if (got->empty()) {
            co_return;
        }
        if (let_end_) {
            continue;
        }
        if (bytes_.empty()) {
            bytes_ = std::move(*got);
        } else {
            bytes_ += *got;
        }
        if (on_bytes_) {
            on_bytes_();
        } else {
            ring();
        }
        while (bytes_.size() >= most_waiting && !abandoned_ && !let_end_) {
            const core::wake_reason why = co_await taken_.wait(ever);
            if (why == core::wake_reason::cancelled) {
                trouble_ =
                    core::make_failure(core::errc::cancelled, core::say("runtime.given-up/call-cancelled"));
                co_return;
            }
        }
    }
}

}  // namespace corral::engine::streaming
