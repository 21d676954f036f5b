#include "engine/streaming/stream_pump.hpp"

#include <utility>
#include <variant>

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace corral::engine::streaming {

namespace {

using core::asio::experimental::awaitable_operators::operator||;

}  // namespace

std::shared_ptr<stream_pump> stream_pump::start(core::task_group& tasks, const core::executor& on,
                                                http::stream_call what, core::deadline most) {
    auto pump = std::make_shared<stream_pump>(on);
    tasks.spawn("a streamed call", go(pump, std::move(what), most));
    return pump;
}

std::string stream_pump::take() {
    std::string out = std::exchange(bytes_, {});
    if (!out.empty()) {
        taken_.ring();  // only then: at other times it would end the read that goes on
    }
    return out;
}

void stream_pump::abandon() {
    abandoned_ = true;
    taken_.ring();
}

core::awaitable<void> stream_pump::go(std::shared_ptr<stream_pump> self, http::stream_call what,
                                      core::deadline most) {
    co_await self->open(std::move(what));
    if (self->stream_ && !self->abandoned_) {
        co_await self->read(most);
    }
    self->stream_.reset();
    if (self->abandoned_ && !self->trouble_) {
        self->trouble_ = core::make_failure(core::errc::cancelled, "The call was given up.");
    }
    self->ended_ = true;
    self->bell_.ring();
}

core::awaitable<void> stream_pump::open(http::stream_call what) {
    if (abandoned_) {
        co_return;
    }
    core::deadline ever;
    auto first = co_await (http::reply_stream::open(std::move(what)) || taken_.wait(ever));
    if (first.index() != 0) {
        co_return;  // nothing is taken before a head: it was abandoned
    }
    auto& opened = std::get<0>(first);
    if (!opened) {
        trouble_ = opened.error();
        co_return;
    }
    stream_ = std::move(*opened);
    status_ = stream_->status();
    bell_.ring();
}

core::awaitable<void> stream_pump::read(core::deadline most) {
    core::deadline ever;
    while (!abandoned_) {
        // What is lost when the bell ends a read is what nobody wants any more.
        auto first = co_await (stream_->read(most) || taken_.wait(ever));
        if (first.index() != 0) {
            continue;
        }
        auto& got = std::get<0>(first);
        if (!got) {
            trouble_ = got.error();
            co_return;
        }
        if (got->empty()) {
            co_return;
        }
        bytes_ = std::move(*got);
        bell_.ring();
        while (!bytes_.empty() && !abandoned_) {
            co_await taken_.wait(ever);
        }
    }
}

}  // namespace corral::engine::streaming
