#include "cli/tokens/asked_program.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>

#include "corral/core/wake_signal.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

using namespace std::chrono_literals;

constexpr core::nanoseconds longest_end = 10s;
constexpr std::size_t most_words = 600;

}  // namespace

core::result<tokenizer_answer> asked_program::run(const process::spawn_spec& command) {
    auto spawned = process::child::spawn(loop_.get_executor(), command);
    if (!spawned) {
        return spawned.error();
    }
    child_.emplace(std::move(*spawned));
    std::exception_ptr thrown;
    core::asio::co_spawn(loop_, whole(), [&](std::exception_ptr error) { thrown = std::move(error); });
    loop_.run();
    if (thrown) {
        std::rethrow_exception(thrown);
    }
    return std::move(answer_);
}

core::awaitable<void> asked_program::whole() {
    tasks_.spawn("out", listen(process::output_stream::out));
    tasks_.spawn("err", listen(process::output_stream::err));
    tasks_.spawn("end", notice_end());
    core::result<tokenizer_answer> answer = co_await ask();
    answer_ = std::move(answer);
    const auto over_by = core::deadline::after(longest_end, now());
    while (!child_->kill_family()) {
        if (over_by.passed(now())) {
            loop_.stop();  // held by a driver or disk; the answer is there all the same
            co_return;
        }
        co_await core::sleep_for(pause);
    }
    [[maybe_unused]] const bool over = co_await tasks_.wait_empty();
}

void asked_program::hear(process::output_stream, std::string_view text) {
    said_ += text;
    said_.erase(0, said_.size() - std::min(said_.size(), most_words));
}

std::string asked_program::last_words() const {
    return said_.empty() ? std::string() : ": " + telemetry::printable(said_, most_words);
}

core::awaitable<void> asked_program::listen(process::output_stream which) {
    while (true) {
        const auto read = co_await child_->read(which);
        if (!read || read->empty()) {
            --open_streams_;
            co_return;
        }
        hear(which, *read);
    }
}

core::awaitable<void> asked_program::notice_end() {
    const process::exit_reason how = co_await child_->wait();
    ended_ = how;
}

}  // namespace corral::cli
