#pragma once
// A scheduler over one scripted backend, and those who ask it for leases.

#include "corral/scheduler/scheduler.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include "scheduler/fake_backend.hpp"

namespace corral::test {

namespace asio = boost::asio;

// One asker: its answer once it has one.
struct asker {
    std::optional<scheduler::lease> held;
    std::optional<scheduler::refusal> refused;
    std::vector<scheduler::queue_place> places;  // as it was told them
    bool over = false;
    asio::cancellation_signal cancel;
};

inline core::awaitable<void> ask(scheduler::scheduler* of, scheduler::admission_request who,
                                 std::shared_ptr<asker> to) {
    auto answer = co_await of->acquire(std::move(who));
    if (answer) {
        to->held.emplace(std::move(*answer));
    } else {
        to->refused = answer.error();
    }
}

template <typename Clock>
class scheduler_fixture : public testing::Test {
protected:
    ~scheduler_fixture() override {
        backend_.open_gates();
        other_.open_gates();
        scheduler_.reset();
        settle(io_);
    }
    void add(scheduler::scheduler_options options) {
        scheduler_.reset();
        settle(io_);
        scheduler_ = std::make_unique<scheduler::scheduler>(io_.get_executor(), clock_, options);
        scheduler_->add(backend_);
        settle(io_);
    }
    std::shared_ptr<asker> start(scheduler::admission_request who) {
        auto to = std::make_shared<asker>();
        who.on_queued = [to](const scheduler::queue_place& place) { to->places.push_back(place); };
        asio::co_spawn(
            io_, ask(scheduler_.get(), std::move(who), to),
            asio::bind_cancellation_slot(to->cancel.slot(), [to](std::exception_ptr) { to->over = true; }));
        settle(io_);
        return to;
    }
    std::shared_ptr<asker> start(std::string client = "a", core::deadline until = {},
                                 std::string model = "tiny:latest") {
        scheduler::admission_request who;
        who.client = std::move(client);
        who.model = std::move(model);
        who.until = until;
        return start(std::move(who));
    }
    static bool has_lease(const std::shared_ptr<asker>& who) { return who->held.has_value(); }

    asio::io_context io_;
    Clock clock_;
    fake_backend backend_{io_};
    fake_backend other_{io_};  // for tests of several; like the first it outlives the scheduler
    std::unique_ptr<scheduler::scheduler> scheduler_;
};

}  // namespace corral::test
