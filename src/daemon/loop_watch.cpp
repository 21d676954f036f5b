#include "loop_watch.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

#include <execinfo.h>
#include <pthread.h>
#include <time.h>

#include <boost/asio/post.hpp>

#include "corral/core/text.hpp"
#include "corral/core/time.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::daemon {

namespace {

constexpr core::milliseconds between_questions{1};
constexpr std::chrono::microseconds between_looks{250};

// Filled by the loop's thread in its signal handler, read by the watching one when `taken` is set.
struct stack_sample {
    std::array<void*, 24> frames{};
    int count = 0;
    std::atomic<bool> taken{false};
};
stack_sample sample;

void take_sample(int /*signal*/) {
    if (!sample.taken.load()) {
        sample.count = ::backtrace(sample.frames.data(), static_cast<int>(sample.frames.size()));
        sample.taken.store(true);
    }
}

int sample_signal() {
    return SIGRTMIN + 3;
}

std::string text_of(const stack_sample& seen) {
    std::string out;
    char** const names = ::backtrace_symbols(seen.frames.data(), seen.count);
    constexpr int of_the_handler = 2;
    for (int i = of_the_handler; names != nullptr && i < seen.count; ++i) {
        out += (out.empty() ? "" : " < ") + std::string(names[i]);
    }
    ::free(static_cast<void*>(names));
    return out;
}

}  // namespace

struct loop_watch::state {
    core::executor loop;
    core::nanoseconds limit{0};
    pthread_t watched{};
    clockid_t clock{};
    std::atomic<bool> over{false};
    std::atomic<bool> answered{true};
    std::thread thread;

    // Processor time of the loop's thread.
    [[nodiscard]] core::nanoseconds used() const {
        timespec now{};
        ::clock_gettime(clock, &now);
        return core::seconds{now.tv_sec} + core::nanoseconds{now.tv_nsec};
    }

    void watch(const std::shared_ptr<state>& self) {
        core::nanoseconds worst{0};
        while (!over) {
            answered = false;
            const core::nanoseconds before = used();
            core::asio::post(loop, [self] { self->answered = true; });
            bool asked = false;
            while (!answered && !over) {
                std::this_thread::sleep_for(between_looks);
                if (!asked && !answered && used() - before > limit) {
                    asked = true;
                    sample.taken = false;
                    ::pthread_kill(watched, sample_signal());
                }
            }
            const core::nanoseconds held = used() - before;
            worst = std::max(worst, held);
            if (asked && sample.taken) {
                const core::reason said =
                    core::say("daemon.loop-held/held", fmt::format("{:.1f}", core::as_seconds(held) * 1000),
                              fmt::format("{:.1f}", core::as_seconds(worst) * 1000), text_of(sample));
                telemetry::warn(said, "{} event=loop.held", said);
            }
            std::this_thread::sleep_for(between_questions);
        }
    }
};

std::unique_ptr<loop_watch> loop_watch::start_if_wanted(core::executor loop) {
    const char* const wanted = std::getenv("CORRAL_LOOP_WATCH");
    const auto limit = wanted == nullptr ? std::nullopt : core::whole_number<std::uint32_t>(wanted);
    if (!limit || *limit == 0) {
        return nullptr;
    }
    std::array<void*, 2> warm{};
    ::backtrace(warm.data(), static_cast<int>(warm.size()));  // loads what it needs before a signal does
    struct sigaction how {};
    how.sa_handler = take_sample;
    how.sa_flags = SA_RESTART;
    ::sigaction(sample_signal(), &how, nullptr);
    auto made = std::make_shared<state>();
    made->loop = std::move(loop);
    made->limit = core::milliseconds{*limit};
    made->watched = ::pthread_self();
    if (::pthread_getcpuclockid(made->watched, &made->clock) != 0) {
        telemetry::warn(core::say("daemon.loop-held/no-clock"));
        return nullptr;
    }
    made->thread = std::thread([made] { made->watch(made); });
    return std::unique_ptr<loop_watch>(new loop_watch(std::move(made)));
}

loop_watch::loop_watch(std::shared_ptr<state> s) : state_(std::move(s)) {}

loop_watch::~loop_watch() {
    state_->over = true;
    state_->thread.join();
}

}  // namespace corral::daemon
